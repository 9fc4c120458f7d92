"""Studies and lab reports that came without a case, as the archive tells of them."""

from teleconsult.consults.fields import MaterialKind
from teleconsult.unmatched.ports import Holding, Identity

HIS = Identity(("高守田",), "QS1", "1959-03-12", "male", "胸部 CT", None, 40, ("CT",))


def study(site, said, uid="1.2.3", identity=HIS):
    site.shelf.add(site.village, uid)
    what = Holding(site.village, MaterialKind.STUDY, uid)
    said.of[what] = identity
    return what


def report(site, said, number, identity):
    site.shelf.add_lab(site.village, number)
    what = Holding(site.village, MaterialKind.LAB_REPORT, number)
    said.of[what] = identity
    return what


async def materials_of(site, consult):
    return {one.reference for one in await site.consults.materials(site.doctor, consult)}
