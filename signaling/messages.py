"""The words of the room's WebSocket: JSON text frames, strictly decoded, one version number.

A browser says `hello` first; everything else follows `welcome`. Unknown words and unknown fields are refused, so that
a misspelt message fails in the first test and not in a clinic.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from signaling.errors import MessageRefused

VERSION = 1
MAX_SHARE = 8 * 1024
VIEW = "view"
"""The topic of what is looked at: a film, its window, the pointer. Told to those with the grant `films` only."""

Word = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
Sdp = Annotated[str, Field(max_length=64 * 1024)]


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# ---------------------------------------------------------------- from the browser
class Hello(_Said):
    """The first word: who I am, by ticket."""

    type: Literal["hello"] = "hello"
    version: int
    ticket: Annotated[str, Field(max_length=2048)]
    resume: bool = False
    """My media connection still runs; keep it."""


class Offer(_Said):
    """My media, as an SDP offer; a new one renegotiates or restarts ICE.

    Attributes:
        sends: mid -> label of my tracks (`audio`, `video`, `screen`).
        takes: mid -> `participant/label` of others' tracks.
    """

    type: Literal["offer"] = "offer"
    number: int = Field(ge=0, le=1_000_000)
    sdp: Sdp
    sends: dict[Word, Word] = Field(default_factory=dict, max_length=8)
    takes: dict[Word, Annotated[str, Field(max_length=130)]] = Field(default_factory=dict, max_length=64)


class MediaState(_Said):
    """What of me can be heard and seen now.

    Attributes:
        audio: My microphone.
        sound: My screen comes with its sound, which goes with my voice, also while the microphone is off.
        paused: I would be seen, but my line has room for my voice only.
    """

    type: Literal["state"] = "state"
    audio: bool
    video: bool
    screen: bool = False
    sound: bool = False
    paused: bool = False


class Share(_Said):
    """Passed on to the others as it is: a pointer, a view of the shared reading, a raised hand. Latest wins."""

    type: Literal["share"] = "share"
    topic: Word
    body: dict[str, Any] = Field(max_length=64)
    """Empty takes one's own last word of the topic back. At most `MAX_SHARE` characters of JSON."""


class Quality(_Said):
    """What the browser measures of its own reception, every few seconds.

    Attributes:
        busy: Whether it sends smaller pictures because it lacks processor time.
    """

    type: Literal["quality"] = "quality"
    loss: float = Field(ge=0, le=1)
    rtt_ms: float = Field(ge=0, le=60_000)
    fps: float = Field(ge=0, le=240)
    concealed: float = Field(ge=0, le=1)
    busy: bool = False


class Ladder(_Said):
    """I choose how much I want to receive: `auto` or a tier by hand."""

    type: Literal["ladder"] = "ladder"
    choice: Literal["auto", "high", "medium", "low", "stills", "voice", "text"]


class Leave(_Said):
    """I leave; the call goes on."""

    type: Literal["leave"] = "leave"


class End(_Said):
    """I end the call for everybody; hosts only."""

    type: Literal["end"] = "end"


class Remove(_Said):
    """Take somebody out; hosts only."""

    type: Literal["remove"] = "remove"
    participant: Word


class Hand(_Said):
    """I want to say something, or no longer do.

    Attributes:
        participant: Whose hand; nothing for my own. Hosts lower others'.
    """

    type: Literal["hand"] = "hand"
    up: bool
    participant: Word | None = None


class Admit(_Said):
    """Let in somebody who waits at the door, or turn them away; for those with the grant `admit` or `host`."""

    type: Literal["admit"] = "admit"
    participant: Word
    welcome: bool = True


class Record(_Said):
    """Begin, pause or end recording; for those with the grant `record`. Everybody is told.

    Nothing is written while anybody who may speak has not agreed.
    """

    type: Literal["record"] = "record"
    on: bool
    paused: bool = False


class Consent(_Said):
    """I agree to being recorded; or I do not: then a recording that runs ends, for everybody."""

    type: Literal["consent"] = "consent"
    given: bool


class Ping(_Said):
    """Are you there?"""

    type: Literal["ping"] = "ping"
    number: int = Field(ge=0, le=2**31)


Request = (
    Hello
    | Offer
    | MediaState
    | Share
    | Quality
    | Ladder
    | Hand
    | Admit
    | Record
    | Consent
    | Leave
    | End
    | Remove
    | Ping
)
_request: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="type")])


# ---------------------------------------------------------------- to the browser
class Seat(_Said):
    """One participant as the others see it.

    Attributes:
        sound: Whether their screen comes with its sound, beside the voice.
        hand: 0 while the hand is down; of two raised hands the one with the lower number came first.
        consent: Whether they agreed to being recorded.
        paused: Whether they are not seen because of their line, and not by their own wish.
    """

    participant: str
    name: str
    role: str
    present: bool
    audio: bool
    video: bool
    screen: bool
    sound: bool = False
    tracks: tuple[str, ...]
    hand: int = 0
    consent: bool = False
    paused: bool = False


class Asking(_Said):
    """Somebody who waits at the door, as those see it who may let them in."""

    participant: str
    name: str
    role: str


class Waiting(_Said):
    """You wait at the door: `welcome` follows when you are let in, `closing` when not. Nothing is told until then."""

    type: Literal["waiting"] = "waiting"
    version: int = VERSION
    participant: str


class Knock(_Said):
    """Somebody asks to be let in; only those hear it who may do so."""

    type: Literal["knock"] = "knock"
    who: Asking


class KnockGone(_Said):
    """Somebody no longer waits: let in (their `seat` follows), turned away, or gone."""

    type: Literal["knock_gone"] = "knock_gone"
    participant: str
    outcome: Literal["admitted", "declined", "left"]


class Recording(_Said):
    """The sign to all: whether this call is being recorded, and by whom it was begun."""

    type: Literal["recording"] = "recording"
    on: bool
    paused: bool = False
    by: str = ""


class Welcome(_Said):
    """You are in. `resumed` says whether your media connection was kept; if not, make a new one.

    Attributes:
        asking: Who waits at the door, told to those who may let them in.
    """

    type: Literal["welcome"] = "welcome"
    version: int = VERSION
    room: str
    participant: str
    grants: tuple[str, ...]
    seats: tuple[Seat, ...]
    resumed: bool
    ice_servers: tuple[dict[str, Any], ...]
    hold_s: float
    shared: dict[str, dict[str, Any]]
    """The last `share` of each topic, for late joiners."""
    asking: tuple[Asking, ...] = ()
    recording: Recording = Recording(on=False)


class Answer(_Said):
    """The SDP answer to offer `number`."""

    type: Literal["answer"] = "answer"
    number: int
    sdp: str


class SeatChanged(_Said):
    """Somebody came, changed, went silent (`present` false: their seat is held) or came back."""

    type: Literal["seat"] = "seat"
    seat: Seat


class SeatGone(_Said):
    """Somebody left for good."""

    type: Literal["gone"] = "gone"
    participant: str
    reason: Literal["left", "lost", "removed"]


class Shared(_Said):
    """What another participant shared."""

    type: Literal["shared"] = "shared"
    participant: str
    topic: str
    body: dict[str, Any]


Reason = Literal["uplink", "downlink", "computer", "chosen"]


class Tier(_Said):
    """A step of the ladder has changed.

    Attributes:
        reason: `uplink`: so much of you can be sent; from `stills` on leave your picture out. `downlink`: so much of
            the others you are sent; `chosen`: the same, by your own word; `computer`: from `medium` on send smaller
            pictures, for your computer is busy, and your line is not to blame. Each is told when it changes.
    """

    type: Literal["tier"] = "tier"
    tier: str
    reason: Reason
    send_bps: int


class Reoffer(_Said):
    """Make a new offer: our answer will differ.

    Attributes:
        reason: `codec`: more of the others can play another codec that you also can.
    """

    type: Literal["reoffer"] = "reoffer"
    reason: str


class Unseen(_Said):
    """Pictures that cannot be shown for want of a common codec, all of them each time; voices go on.

    Attributes:
        tracks: `participant/label` of others' that you cannot be shown.
        by: Who cannot be shown yours.
    """

    type: Literal["unseen"] = "unseen"
    tracks: tuple[str, ...]
    by: tuple[str, ...]


class Layers(_Said):
    """Send your camera in several sizes, or no longer: those who watch have links that differ much.

    A browser that can makes a new offer with simulcast (RFC 8853) in the place of its camera's; nobody has to.
    """

    type: Literal["layers"] = "layers"
    on: bool


class Speaking(_Said):
    """Who is heard now, loudest first."""

    type: Literal["speaking"] = "speaking"
    participants: tuple[str, ...]


class Refusal(_Said):
    """What you said was refused; nothing else changed."""

    type: Literal["refused"] = "refused"
    code: str
    detail: str
    number: int | None = None


class Closing(_Said):
    """The last word before the socket closes.

    Attributes:
        again: Whether coming back with a new ticket makes sense.
    """

    type: Literal["closing"] = "closing"
    code: Literal["ended", "removed", "replaced", "expired", "left", "draining", "declined"]
    again: bool


class Pong(_Said):
    """Yes."""

    type: Literal["pong"] = "pong"
    number: int


Reply = (
    Welcome
    | Waiting
    | Knock
    | KnockGone
    | Recording
    | Answer
    | SeatChanged
    | SeatGone
    | Shared
    | Tier
    | Reoffer
    | Unseen
    | Layers
    | Speaking
    | Refusal
    | Closing
    | Pong
)


def decode(text: str) -> Request:
    """Read one frame.

    Raises:
        MessageRefused: Not JSON, an unknown word, a missing, unknown or wrong field.
    """
    try:
        word = _request.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MessageRefused(f"{where or 'frame'}: {first['type']}") from None
    except RecursionError:
        raise MessageRefused("frame: too deep") from None
    if isinstance(word, Share) and len(text) > MAX_SHARE:
        raise MessageRefused("share: too long")
    return word


def encode(reply: Reply) -> str:
    """Write one frame."""
    return reply.model_dump_json()
