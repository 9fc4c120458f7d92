"""The consent text that the house brings, version 1, in both languages; an institution adds its own later versions."""

from teleconsult.agreements.state import ConsentPurpose, Language

SHIPPED_VERSION = 1

SHIPPED: dict[tuple[ConsentPurpose, Language], str] = {
    (ConsentPurpose.CONSULT, Language.CHINESE): (
        "医生已向我说明远程会诊的目的、过程、费用、局限和可能的其他选择。"
        "我同意把我的病历、影像和检验结果提供给参加会诊的医疗机构和专家，仅用于本次会诊。"
        "我知道会诊意见供我的医生参考，诊疗决定由我所在的医疗机构作出并负责。"
        "会诊中的文字、图像和音视频会按规定保存。"
        "我可以在会诊结束前随时撤回同意，撤回不影响我在本院的诊疗。"
    ),
    (ConsentPurpose.CONSULT, Language.ENGLISH): (
        "My doctor has explained the purpose, the course, the fee and the limits of the remote consultation, and what "
        "else could be done. I agree that my records, images and test results are shown to the institutions and "
        "specialists who take part, for this consultation only. I know that the opinion advises my doctor and that my "
        "own institution decides and is responsible. Text, images and recordings are kept as the rules require. I may "
        "withdraw this consent at any time before the consultation ends; my treatment here does not depend on it."
    ),
    (ConsentPurpose.SHARING, Language.CHINESE): (
        "我同意把本次会诊的资料提供给上述接收方，用途、范围和期限已向我说明，我可以随时撤回。"
    ),
    (ConsentPurpose.SHARING, Language.ENGLISH): (
        "I agree that the material of this consultation is passed on to the receiver named above. Use, extent and "
        "duration were explained to me, and I may withdraw at any time."
    ),
}
