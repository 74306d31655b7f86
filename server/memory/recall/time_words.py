# ruff: noqa: RUF001 - Cyrillic letters are meant
"""The words of questions about a time alone, in the languages that Loci knows best. All are in small letters.

A question has no subject if nothing is left of it after these are taken out: see `time_question.py`.
"""

from collections.abc import Mapping

from server.memory.dates.stretches import split_phrases

#: The months in the languages that `server.memory.dates` does not read.
MONTHS: tuple[tuple[str, ...], ...] = (
    split_phrases("janvier, enero, gennaio, janeiro, januari, январе"),
    split_phrases("février, febrero, febbraio, fevereiro, februari, феврале"),
    split_phrases("mars, marzo, março, maart, марте"),
    split_phrases("avril, abril, aprile, апреле"),
    split_phrases("mai, mayo, maggio, maio, mei, мае"),
    split_phrases("juin, junio, giugno, junho, juni, июне"),
    split_phrases("juillet, julio, luglio, julho, juli, июле"),
    split_phrases("août, agosto, augustus, августе"),
    split_phrases("septembre, septiembre, settembre, setembro, сентябре"),
    split_phrases("octobre, octubre, ottobre, outubro, октябре"),
    split_phrases("novembre, noviembre, novembro, ноябре"),
    split_phrases("décembre, diciembre, dicembre, dezembro, декабре"),
)

#: Words that ask for the newest.
NEWEST = split_phrases(
    """
    what's new, whats new, what is new, anything new, latest, newest, recently, lately, was gibt es neues,
    was gibt's neues, gibt es neuigkeiten, neulich, zuletzt, kürzlich, quoi de neuf, quoi de nouveau, récemment,
    dernièrement, qué hay de nuevo, qué novedades hay, recientemente, últimamente, che c'è di nuovo,
    cosa c'è di nuovo, novità, recentemente, ultimamente, o que há de novo, quais são as novidades,
    wat is er nieuw, wat is het nieuws, onlangs, laatst, что нового, какие новости, недавно, 有什么新消息,
    有什么新的, 有什么新鲜事, 最近, 有什麼新的, 何か新しいこと, 新しいこと, 新着
    """
)

#: Questions about the person who asks.
ABOUT_ME = split_phrases(
    """
    what do you know about me, what do you remember about me, what have you stored about me, who am i,
    tell me what you know about me, was weißt du über mich, was weisst du über mich, wer bin ich,
    was hast du über mich gespeichert, que sais-tu de moi, que sais-tu sur moi, qu'est-ce que tu sais de moi,
    qu'est-ce que tu sais sur moi, qui suis-je, qué sabes de mí, qué sabes sobre mí, quién soy, cosa sai di me,
    che cosa sai di me, chi sono, o que você sabe sobre mim, o que sabes sobre mim, quem sou eu,
    wat weet je over mij, wat weet je van mij, wie ben ik, что ты знаешь обо мне, что вы знаете обо мне, кто я,
    你知道我什么, 你了解我什么, 你对我了解多少, 关于我你知道什么, 我是谁, 私について何を知っていますか,
    私について何を知っている, 私は誰ですか
    """
)

#: Words that ask for memories of a type.
KINDS: Mapping[str, tuple[str, ...]] = {
    "decision": split_phrases(
        """
        decide, decided, decision, decisions, entschieden, entscheiden, entscheidung, entscheidungen,
        beschlossen, beschlüsse, décidé, décidions, décision, décisions, decidido, decidimos, decisión,
        decisiones, deciso, decisione, decisioni, decidiram, decisão, decisões, besloten, beslissing,
        beslissingen, besluit, besluiten, решили, решил, решила, решения, решение, 决定, 決定, 決め, 決まっ,
        決めた
        """
    ),
    "preference": split_phrases(
        """
        prefer, preference, preferences, vorlieben, préférences, preferencias, preferenze, preferências,
        voorkeuren, предпочтения, 偏好, 好み
        """
    ),
    "instruction": split_phrases(
        """
        instructions, anweisungen, instrucciones, istruzioni, instruções, instructies, инструкции
        """
    ),
}

#: Words that say nothing about a subject, by language.
_FILLERS = (
    # English
    """
    what which did do does have has had was were is are we i you they us me my our your all the a an any of on
    in at to for so far happen happened happening work worked working done make made been get got going went
    list show tell give there things thing stuff up since during within over past last this previous and please
    again miss missed learn learned learnt store stored remember changed know
    """,
    # numbers, units and dates
    """
    one two three four five six seven eight nine ten few couple day days week weeks weekend month months quarter
    year years ago morning afternoon evening night early late mid beginning end start
    """,
    # German
    """
    was welche welches haben hat habe ist sind wurde wurden wir ich du ihr sie alle die der das den dem im in am
    an von seit während passiert geschehen gemacht gearbeitet getan woran worüber los gibt es neues neue
    erledigt zeig zeige liste letzten letzte vergangenen tagen wochen
    """,
    # French
    """
    que qu' qu'on qu'avons-nous ai-je avons-nous as-tu quoi quelles quels quelle quel qu'est-ce est-ce est ce
    qui s'est passé avons avez as ai a-t-on on nous vous tu j'ai je fait travaillé sur le la les l' au aux en de
    d' du des été prises pris depuis
    """,
    # Spanish
    """
    qué que cuáles cuál hemos has he han se hice hicimos hizo pasó ocurrió sucedió trabajé trabajamos en el los
    las lo del al fue tomamos desde
    """,
    # Italian
    """
    che cosa cos'è quali quale abbiamo hai ho hanno è successo accaduto fatto lavorato preso prese il i gli lo
    nel nella su da noi io
    """,
    # Portuguese
    """
    o que quais qual nós eu você vocês temos tem foi foram aconteceu fizemos fiz fez trabalhei trabalhamos
    tomamos no na os as em desde
    """,
    # Dutch
    """
    wat welke hebben heb heeft hebt we wij ik jij er is zijn gebeurd gebeurde gedaan gewerkt genomen aan het een
    sinds gemaakt waar
    """,
    # Russian
    """
    что какие какое мы я ты вы было были произошло случилось делали делал делала сделали сделал работали работал
    работала над чем в на за принято приняли
    """,
)
FILLERS = frozenset(word for words in _FILLERS for word in words.split())

#: What says nothing about a subject in Chinese and Japanese, whose words have no blanks between them.
PIECES = split_phrases(
    """
    我们, 我們, 咱们, 我, 你们, 你, 大家, 都, 做了, 做过, 做, 了, 过, 什么, 什麼, 哪些, 有, 的, 发生, 發生, 新,
    事情, 事, 吗, 呢, 在, 是, 工作, 列出, 所有, 作出, 出, 学到, 月, 私たち, 我々, 私, 僕, 俺, 何を, 何が, 何に,
    何, どんな, を, が, に, は, の, で, か, ましたか, ました, していた, していました, して, した, しましたか,
    しました, し, たか, た, ですか, です, こと, 起きましたか, 起きました, 起き, 起こった, 起こり,
    取り組みましたか, 取り組, みました, あった, ありましたか, ありました, ありますか, あります, あり, たち,
    みんな, できごと
    """
)
