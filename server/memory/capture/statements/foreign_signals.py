"""The signal words of other languages: German, French, Spanish, and the commonest of some more.

Only strong words count, because there is no look at what else such a sentence is.
"""

import re

from server.memory.capture.models import Kind
from server.memory.languages import get_stop_words

Signals = tuple[tuple[Kind, re.Pattern[str]], ...]


def _compile_any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns))


#: A question, or a request for work now.
FOREIGN_REQUEST = _compile_any(
    r"[?\uff1f]\s*[\"')\]]*$|^\u00bf",
    # German
    r"^(?:wie|was|warum|wieso|weshalb|wo|wann|wer|wem|wen|wessen|welche[rsmn]?|kannst|kann|könntest|könnte|könnten|"
    r"hast|hat|haben|"
    r"ist|sind|gibt|geht|darf|soll|sollen|sollte|würdest|magst|weißt|erinnerst)\b",
    r"^(?:bitte\s)?(?:mach|schreib|füg|zeig|erklär|lösch|bau|prüf|ändere?|korrigier|übersetz|erstell|starte?|führ|"
    r"teste?|nimm|pass)\w*\b"
    r"(?!.*\b(?:künftig|ab jetzt|ab sofort|in zukunft)\b)",
    # French
    r"^(?:qu'|que|quoi|quel|quelle|quels|quelles|comment|pourquoi|où|quand|qui|combien|est-ce|c'est quoi|peux-tu|"
    r"tu peux|"
    r"pouvez|pourrais|as-tu|vous pouvez)\b",
    # Spanish and Portuguese
    r"^(?:qué|cómo|por qué|dónde|cuándo|quién|cuál|cuánto|puedes|podrías|podés|tienes|hay alguna|podes|pode|como|"
    r"onde)\b",
)
#: Words of somebody who tells what goes wrong, or what was just done.
FOREIGN_PROBLEM = _compile_any(
    r"\b(?:fehl\w*|kaputt|funktioniert|geht nicht|klappt nicht|hängt|stürzt|abgestürzt|langsam|immer (?:noch|wieder)|"
    r"noch immer)\b",
    r"^ich habe?\b.*\b(?:ge\w+t|ge\w+en|\w+iert)\b",
    r"\b(?:erreurs?|plante|cassée?|bugs?|lente?|toujours pas)\b|\b(?:marche|fonctionne|répond|apparaît|"
    r"charge) (?:pas|plus)\b",
    r"\b(?:error|errores|falla|fallo|rot[oa]|lent[oa]|aparece|me da|se cuelga)\b|\bno (?:funciona|carga|responde|"
    r"sale)\b",
)
_PREFERENCE = _compile_any(
    r"\bich\s(?:bevorzuge|mag|hasse|liebe|arbeite lieber|nehme lieber|hätte lieber|möchte lieber|will keine?)\b|"
    r"\bist mir lieber\b|"
    r"\blieber\s.*\bals\b|\b(?:mein|meine) liebst\w+",
    r"\bje\s(?:préfère|déteste|n'aime pas|n'aime|adore|aime mieux|privilégie)\b|\bj'(?:aime|adore|ai horreur)\b",
    r"\b(?:prefiero|odio|detesto|me encanta|no me gusta|me gusta más|me gustan)\b",
    r"\b(?:prefiro|odeio|não gosto|preferisco|odio|non mi piace|ik heb liever|ik haat)\b",
)
_DECISION = _compile_any(
    r"\b(?:haben|hat|habe)\s(?:\w+\s){0,8}(?:entschieden|beschlossen|geeinigt|festgelegt|vereinbart)\b|"
    r"\bwir (?:steigen|wechseln|ziehen|migrieren|stellen)\b.*\b(?:um|auf|zu|nach)\b",
    r"\b(?:on a|nous avons|j'ai|l'équipe a)\s(?:\w+\s)?(?:décidé|choisi|convenu|opté)\b|\b(?:on passe|"
    r"nous passons) à\b",
    r"\b(?:hemos|he|han|ha)\s(?:decidido|acordado|elegido|optado)\b|\b(?:decidimos|acordamos|elegimos|nos pasamos)\b",
    r"\b(?:decidimos|escolhemos|abbiamo deciso|abbiamo scelto|we hebben besloten)\b",
)
_INSTRUCTION = _compile_any(
    r"\b(?:ab (?:jetzt|sofort|heute)|künftig|zukünftig|in zukunft|von nun an|merk dir|merke dir|merkt euch|"
    r"denk daran|denke daran|"
    r"vergiss nicht|beachte|niemals|verboten|nicht erlaubt|untersagt|pflicht|grundsätzlich|ausschließlich)\b",
    r"\b(?:immer|nie)\b(?!\s(?:noch|wieder|mehr funktioniert))",
    r"\b(?:darf|dürfen)\s(?:\w+\s){0,5}(?:nicht|nur|kein\w*|nie)\b|\bnur (?:am|im|nach|vor|mit|in|für|dienstags|"
    r"montags|freitags)\b",
    r"\b(?:désormais|dorénavant|à partir de maintenant|à partir d'aujourd'hui|à l'avenir|rappelle-toi|souviens-toi|"
    r"n'oublie pas|"
    r"retiens|retenez|interdit|obligatoire|il ne faut pas|uniquement)\b",
    r"\b(?:on|nous|il faut|faut|utilise\w*|mets|mettez|écri\w+|réponds|répondez)\b.*\b(?:toujours|jamais)\b|(?:^|"
    r",\s)(?:toujours|jamais)\b",
    r"\bno (?:pueden?|debe[ns]?|se puede[n]?) \w+[aei]r\b|\bne (?:doit|doivent|peut|peuvent|faut) (?:pas|jamais)\b",
    r"\b(?:a partir de ahora|de ahora en adelante|desde ahora|en adelante|en el futuro|recuerda|no olvides|"
    r"ten en cuenta|"
    r"siempre|nunca|jamás|prohibido|obligatorio|únicamente)\b",
    r"\b(?:a partir de agora|sempre|lembra-te|lembre-se|proibido|d'ora in poi|ricorda|vietato|vanaf nu|altijd|nooit|"
    r"onthoud)\b",
)
_FACT = _compile_any(
    r"\b(?:heißt|heiße|nennt sich|nennen wir|liegt|liegen|läuft|laufen|gehört|wohnt|hostet|gehostet)\b(?!\s(?:das|es|"
    r"er|sie)\b)",
    r"\b(?:unser|unsere|mein|meine)\s(?:\w+\s){1,3}(?:ist|sind|hat|haben|läuft|heißt|kommt|will|braucht)\b",
    r"\b(?:ist|sind) (?:unser|unsere|mein|meine|der neue|die neue|zuständig|verantwortlich)\b|\bich (?:bin|"
    r"arbeite als|arbeite bei|wohne)\b",
    r"\bwir\s(?:verwenden|nutzen|benutzen|nehmen|setzen|schreiben|hosten|deployen|veröffentlichen|speichern|messen|"
    r"sagen)\b|"
    r"\bder termin|die frist|abgabe ist\b",
    r"\b(?:s'appelle|se nomme|m'appelle|se trouve|est hébergée?|appartient|est (?:notre|mon|ma|responsable))\b|"
    r"\b(?:notre|mon|ma)\s(?:[\w'-]+\s){1,3}(?:est|a|s'appelle|utilise|veut)\b|\b(?:on utilise|nous utilisons|"
    r"on écrit|on déploie)\b|"
    r"\bje (?:suis|travaille)\b|\bla date limite\b",
    r"\b(?:se llama|me llamo|está alojad[oa]|pertenece|es (?:nuestr[oa]|mi|responsable))\b|"
    r"\b(?:nuestr[oa]|mi)\s(?:[\w-]+\s){1,3}(?:es|está|usa|quiere|tiene)\b|\b(?:usamos|utilizamos|desplegamos|"
    r"escribimos)\b|"
    r"\b(?:soy|trabajo en|trabajo como)\b|\bla fecha límite\b",
    r"\b(?:chama-se|o meu nome é|si chiama|mi chiamo|heet|usamos|usiamo|we gebruiken)\b",
)
FOREIGN_SIGNALS: Signals = (
    ("preference", _PREFERENCE),
    ("decision", _DECISION),
    ("instruction", _INSTRUCTION),
    ("fact", _FACT),
)
_PORTUGUESE = """a ao as com da de do e em eu foi isso mais mas me meu minha na no nos não nós o os para pela pelo
    por que se sem um uma"""
_ITALIAN = (
    """che con da dei del della di e gli ha ho il in io la le lo ma mi mio nel nella noi non per più si sono un una"""
)
_DUTCH = (
    """aan bij dat de die dit een en er geen het hij ik in is met mijn naar niet ons onze op te van voor we wij zijn"""
)
#: The small words of each of these languages.
FOREIGN_WORDS: tuple[frozenset[str], ...] = (
    get_stop_words("german"),
    get_stop_words("french"),
    get_stop_words("spanish"),
    frozenset(_PORTUGUESE.split()),
    frozenset(_ITALIAN.split()),
    frozenset(_DUTCH.split()),
)
