"""Words of English that hold a sentence together and say little about a film."""

from __future__ import annotations

# Negations are not among them: "not good" must not become "good". Nor is the "t" that is left of "can't", which is
# all that tells it from "can".
_LISTED = """
a an the this that these those such same both each either other another all any some few more most own
i me my mine myself we us our ours ourselves you your yours yourself yourselves
he him his himself she her hers herself it its itself they them their theirs themselves
who whom whose which what when where why how there here
am is are was were be been being have has had having do does did doing done
can could may might must shall should will would
and or but if as because while until since though although than then so
of at by for with about between among into through during before after above below to from
up down in out on off over under again further once toward towards upon within
just only also too very now
s d ll m re ve
"""

STOP_WORDS = frozenset(_LISTED.split())
