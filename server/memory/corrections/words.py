"""The words by which corrections are recognised. In lower case, and folded as `server.memory.words` folds."""

from server.memory.words.folding import fold


def _read(words: str) -> frozenset[str]:
    return frozenset(fold(word) for word in words.split())


WEEKDAYS = _read(
    """monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays
    sundays weekend weekends montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag montags dienstags
    mittwochs donnerstags freitags samstags sonntags wochenende lundi mardi mercredi jeudi vendredi samedi dimanche
    lunes martes miércoles jueves viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato domenica
    terça quarta quinta sexta maandag dinsdag woensdag donderdag vrijdag zaterdag zondag понедельник вторник среда
    среду четверг пятница пятницу суббота субботу воскресенье"""
)
MONTHS = _read(
    """january february march april may june july august september october november december jan feb mar apr jun jul
    aug sep sept oct nov dec januar februar märz mai juni juli oktober dezember janvier février mars avril juin
    juillet août septembre octobre novembre décembre enero febrero marzo abril mayo junio julio agosto septiembre
    octubre noviembre diciembre января февраля марта апреля мая июня июля августа сентября октября ноября декабря"""
)
NUMBERS = _read(
    """two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty ninety
    hundred thousand million half twice daily weekly monthly yearly hourly quarterly zwei drei vier fünf sechs
    sieben acht neun zehn elf zwölf zwanzig dreißig täglich wöchentlich monatlich jährlich deux trois quatre cinq
    sept huit neuf dix onze douze vingt trente dos tres cuatro cinco seis siete ocho nueve diez doce veinte treinta
    due tre quattro cinque sei sette otto nove dieci два три четыре пять шесть семь восемь девять десять
    一 二 三 四 五 六
    七 八 九 十 两"""
)
NEGATIONS = _read(
    """not no never none nothing nobody neither nor cannot without nicht kein keine keinen keinem keiner nie niemals
    ohne pas jamais rien sans aucun aucune nunca nada sin non mai senza não sem nem niet geen nooit zonder не нет
    никогда без 不 没 未 ない ません 않 안"""
)
#: A text with one of these tells that something has changed. Beside single words, these phrases:
CUES = _read(
    """now instead anymore moved moves switched switches changed changes renamed replaced replaces upgraded migrated
    postponed rescheduled extended shortened raised lowered increased decreased reduced became becomes longer
    formerly previously effective corrected correction new rewritten relocated jetzt nun statt stattdessen mehr
    umgezogen verlegt verschoben geändert umbenannt ersetzt neu neue neuer neuen inzwischen künftig desormais
    désormais maintenant plutôt remplacé déplacé déménagé renommé nouveau nouvelle ahora cambiado cambió mudado
    movido renombrado nuevo nueva adesso ora ormai spostato cambiato nuovo agora mudou novo nova nu voortaan
    verplaatst gewijzigd теперь сейчас перенесли перенесен перенесена изменили переименован переехал переехала
    больше вместо"""
)
CUE_PHRASES = tuple(
    f" {phrase} "
    for phrase in (
        *("from now on", "as of", "no longer", "any more", "any longer", "took over", "takes over", "is over"),
        *("are over", "has left", "not any", "up from", "down from", "ab sofort", "nicht mehr", "ne plus", "ya no"),
        *("non piu", "nao mais"),
    )
)
UNSPACED_CUES = (
    *("改为", "改成", "改到", "现在", "不再", "换成", "搬到", "今後", "変更", "になりました", "移転", "もう"),
    *("이제", "변경", "더 이상"),
)
#: A text that says that two things are changed for each other: the old value stands in the newer text as well.
SWAPS = _read("instead from over than not formerly previously statt nicht replaced replaces longer has after no")
#: Verbs and the like that join a thing to a value, and say nothing about which thing it is.
LIGHT = _read(
    """run runs running go goes happen happens take takes took place start starts begin begins live lives living sit
    sits listen listens use uses used using get gets set sets keep keeps kept stay stays stand stands work works
    belong allow allows may must can should will would held hold holds call calls called name named written plan
    planned schedule scheduled contain since until till because due come comes make makes made decide decided agreed
    like likes want wants wish need needs do does did is are was were have has had be been being one also still just
    please always everybody people time times session yet already today week month year hour hours minute minutes
    seconds day days ist sind war waren hat haben wird werden est sont était es son está fue è sono läuft laufen
    findet finden statt wohnt wohnen heißt heissen beträgt nutzt nutzen liegt gibt lieu usa utiliza vive проходит
    использует живет"""
)
#: Words for which a thing has one value at a time, so that another value is a change and no addition.
ONE_VALUE = _read(
    """prefer prefers preferred preference favourite favorite default based located hosted written named called level
    branch region theme primary main lives lived lead owner head manager maintainer contact deputy deadline due
    wohnt heißt bevorzugt vive prefiere préfère responsable"""
)
#: Of these a thing has one holder at a time, though the holder is the subject of the sentence.
ROLES = _read(
    """lead leads owner owns responsible charge head manager manages maintainer maintains approve approves approved
    oncall on-call call pager contact deputy stands zuständig verantwortlich leitet responsable dirige"""
)
#: What a claim says about its subject: two claims with words of different groups say two things.
RELATIONS = (
    _read("live lives lived moved relocated based located resides home stored hosted wohnt umgezogen vive"),
    _read("work works working worked job employed hired arbeitet travaille trabaja"),
    _read("called named renamed name heißt umbenannt"),
    _read("prefer prefers preferred preference like likes want wants wish favourite favorite hates dislikes"),
    _read("speak speaks spoke spricht parle habla"),
    _read("born birthday age"),
)
#: They tell which of several things is meant.
ORDINALS = _read(
    """first second third fourth fifth last erste zweite dritte letzte premier première deuxième troisième dernier
    dernière primero primera segundo segunda tercero tercera primo prima secondo seconda первый второй третий"""
)
#: A text that begins with one of these, or with another word in -ed, tells what somebody did once.
DEEDS = _read("ran made wrote built found sent met went told asked got did saw took gave bought")
