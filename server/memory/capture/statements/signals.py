"""The words by which a sentence says that it will matter later, in English; `foreign_signals.py` has other languages.

Each pattern is for one sentence in small letters, without its opening words ("ok so", "actually,"), and with its quotes
emptied.
"""

import re


def _compile_any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in patterns))


_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"

# --- what a sentence is not ---

#: The opening words of a question, with or without its mark.
QUESTION = _compile_any(
    r"\?\s*[\"')\]]*$",
    r"^(?:what(?:'s|s)?|how(?:'s|s)?|why|where(?:'s|s)?|who(?:'s|s)?|whose|which)\b",
    r"^when\s(?:is|are|was|were|do|does|did|will|can|should)\b",
    r"^(?:is|are|was|were|do|does|did|can|could|would|will|shall|may|have|has|am|isn't|aren't|don't you|doesn't|didn't|"
    r"can't|couldn't|wouldn't|won't)\s(?:you|i|we|it|they|he|she|there|this|that|these|those|the|a|an|my|our|your|any|"
    r"some|all)\b",
    r"^should\b",
    r"^any\s(?:idea|thoughts?|chance|suggestions?|reason|way)\b",
    r"\b(?:right|correct|ok|no)\?$",
)
#: Words of somebody who tells what goes wrong now.
PROBLEM = _compile_any(
    r"\b(?:fail(?:s|ed|ing|ures?)?|crash(?:es|ed|ing)?|broken|breaks?|broke|bugs?|bugg?y|flaky|errors?(?! (?:bars?|"
    r"handling|messages?|codes?|budgets?|pages?))|exceptions?(?! to| for)|hangs?|"
    r"stuck|slow|leak(?:s|ing)?|missing|wrong(?:ly)?|weird|strange|complain(?:s|ing|ed)?|"
    r"oomkilled|timeout errors?|times? out|timed out|stack ?trace|traceback|404|500|429|502|503|undefined|nan)\b",
    r"^(?!(?:do not|don't)\s).*\b(?:doesn't|does not|don't|didn't|isn't|won't|not)\s(?:\w+\s)?(?:work(?:ing)?|"
    r"load(?:ing)?|compile|start|"
    r"show(?:ing)? up|"
    r"render(?:ing)?|respond(?:ing)?|build|fit|open|run|match)\b",
    r"\b(?:can't|cannot|couldn't)\s(?:log ?in|find|see|open|reach|connect|load|install|build|run|pay|reproduce|get)\b",
    r"\bi\s(?:get|got|see|saw|keep getting|am getting|'m getting)\b",
    r"\b(?:gets?|getting|got|keeps?|kept)\s(?:a|an|the|no)?\s?\w+(?:ed|ing)\b",
    r"\b(?:says?|prints?|throws?|returns?|shows?|outputs?)\s(?:\"|none|null|nothing|that|an?\b|the\b|\d)",
    r"\btakes?\s(?:about\s|around\s)?\d+\s?(?:s|sec|seconds?|ms|min|minutes?|hours?)\b",
    r"\btoo\s(?:small|big|large|fast|slow|long|short|wide|narrow|dark|bright|high|low|much|many)\b(?!\sfor\b)",
    r"\bso\s(?:small|big|slow|ugly)\b|\b(?:overflow(?:s|ed)?|blurry|off by|floaty|cut off)\b|\b(?:is|are) (?:down|"
    r"offline|empty|red|green now)\b",
    r"\b(?:bad name|ugly|nicer|annoying|terrible|confusing|flickers?|disappears?|overlaps?|vanish(?:es|ed)?|"
    r"different results?)\b",
    r"\bwould be (?:nice|nicer|better|good|great|cool)\b|\bwhat i (?:had|meant|want)\b",
    r"^(?:when|whenever|every time|each time|if)\s(?:i|users?|the user|a user|someone|you)\s(?:click|open|press|run|"
    r"scroll|start|save|hover|type|log|"
    r"reload|resize|submit|drag|call|build|select|switch|close)\b[^,]*(?!.*,\s(?:always|never|please|use|ask|do not|"
    r"don't|run|check)\b)",
    r"^(?:since|after)\s(?:the|i|we|my|your|this|that|yesterday)\b|\bbut (?:it|that|this) (?:looks|is|feels|does|"
    r"was)\b",
    r"^(?:you|i|we|it|that|there) must (?:be|have)\b",
    r"\bi (?:always|never) (?:get|got|saw|see|had|knew|did|found|heard|understood|\w+ed)\b",
    r"\blooks?\s(?:like|good|bad|fine|odd|ugly|ok|off|great)\b",
)
#: Words of small talk, and of what is over with this message.
CHATTER = _compile_any(
    r"\b(?:ignore|disregard|forget) (?:all |any |the |your )*(?:previous|prior|earlier|above) (?:rules|instructions|"
    r"prompts?)\b",
    r"\b(?:haha|lol|lmao|rofl|hehe|:\)|;\)|xd|jaja)(?!\w)",
    r"^(?:thanks?|thank you|thx|cheers|bye|goodbye|see you|good night|have a)\b",
    r"\b(?:makes? sense|sounds? good|got it|i see|that helped|never ?mind|forget it|forget about it|no worries|"
    r"no problem|"
    r"my bad|just trying|another day|let me know|let me see|let's see|i wonder|not sure|i guess|i think so|i hope|"
    r"i'm curious|good point|you're right|fair enough)\b",
    r"\b(?:maybe|perhaps|might|possibly)\b",
)
#: The beginning of a request for work now. A sign that it is meant for later, too, makes it an instruction.
_WORK = (
    "add|adapt|adjust|align|analy[sz]e|apply|ask|build|bump|change|check|clean|clone|close|commit|compare|compile|"
    "compute|"
    "configure|continue|convert|copy|count|create|compress|crop|cut|trim|resize|debug|delete|deploy|describe|do|"
    "document|don't worry|draft|drop|"
    "enable|"
    "disable|explain|export|extend|extract|fetch|fill|find|finish|fix|forget|format|generate|get|give|go|guess|"
    "have a look|"
    "help|hide|implement|import|improve|include|increase|initialise|initialize|insert|install|investigate|inspect|"
    "keep going|"
    "launch|let me|let us|lint|list|load|look|lower|make|measure|merge|migrate|mock|move|open|optimi[sz]e|parse|"
    "paste|ping|"
    "plot|polish|port|prepare|print|profile|proofread|push|put|quiz|raise|read|rebase|rebuild|redo|reduce|refactor|"
    "release|"
    "reload|remove|rename|render|renew|reorder|replace|reply|rerun|reset|resolve|restart|restore|retry|return|revert|"
    "review|"
    "rewrite|roll|run|save|scan|scroll|search|send|set|set up|shorten|show|simplify|skip|sort|split|start|stop|style|"
    "suggest|summari[sz]e|switch|swap|sync|tell|test|think|title|translate|try|turn|undo|uninstall|update|upgrade|"
    "upload|"
    "use|validate|verify|wait|walk|work on|wrap|write"
)
REQUEST = _compile_any(
    rf"^(?:please\s|pls\s|now\s|then\s|just\s|first\s|next\s|kindly\s|you make\s|go ahead)?(?:{_WORK})\b"
    r"(?!\s[\w-]+\s(?:is|are|must|have|has|follow|go|live|should)\b)",
    r"^(?:can|could|would|will)\s(?:you|we)\b",
    r"^(?:i|we)(?:'d)?\s(?:want|need|like|would like|wish)\s(?:you\s)?(?:to|a|an|the|some|another|two|three|\d)\b",
    r"^(?:we|i|you)\s(?:need|have|should|ought|might|could)\s(?:to\s)?(?!no\b)\w+",
    r"^(?:let's|lets|let us)\s",
    r"\b(?:half|double|twice)\sthe\b",
    r"^(?:shorter|longer|again|more|less|another|one more|next|same|faster|slower|bigger|smaller|title ideas)\b",
)
#: The next steps of somebody, by themselves.
INTENTION = _compile_any(
    r"^(?:i'll|i will|i'm going to|i am going to|i'm gonna|i'm about to|i'm trying|i am trying|i'm thinking|i was|"
    r"i tried|"
    r"i just|i've just|i don't know|i forgot|i thought|i mixed|i meant|i have to|i am not|i'm not|i'm done|i'm back|"
    r"i'm stuck|i'm confused|i'm getting|i'm seeing|i'm looking|i'm happy|i'm sorry|i'm afraid|i'm sure)\b",
)
#: A thing that holds only for now.
PASSING = _compile_any(
    r"\b(?:for now|right now|just now|at the moment|yet|this time|for once|today only|currently open)\b|/tmp/",
    r"\bin this (?:file|function|class|test|line|method|component|paragraph|section|chapter|query|loop|example|case|"
    r"branch|pr|commit|step)\b",
    r"\b(?:a|an|the|this)\s[\w-]{1,15}(?:\s[\w-]{1,15})?\shere\b",
    r"\b(?:option|variant|version|approach|solution|proposal)\s(?:[a-d]|\d|one|two|three)\b(?!\.\d)",
    r"\b(?:the|your) (?:first|second|third|last|other|latter|former|previous) (?:one|option|version|variant|approach|"
    r"proposal|solution|idea)\b",
)
#: After a fact: it is changed at once. "The file lives in src/old, move it".
CHANGED_AT_ONCE = re.compile(
    rf"[,;]\s(?:so\s|please\s|then\s|just\s|and\s)*(?:{_WORK})\s(?:it|them|this|that|these|another)\b"
)

#: A description of the work that is asked for now: "the button must be disabled", "the input is a CSV".
DESCRIPTION = re.compile(
    r"^(?:the|this|that|each|every|an?|all|my|your)\s(?:[\w-]+\s)?(?:"
    r"button|field|form|input|output|modal|dialog|menu|image|picture|icon|column|row|cell|card|loop|variable|value|sum|"
    r"result|container|function|method|class|parameter|argument|cursor|header|footer|sidebar|tooltip|checkbox|"
    r"dropdown|link|"
    r"label|title|text|paragraph|sentence|chapter|reason|guess|question|answer|idea|problem|point|goal|task|"
    r"assignment|line|"
    r"password|username|user|first|second|last|other)s?\s"
    r"(?:is|are|has|have|must|shows?|opens?|contains?|of|in|takes?|can)\b"
)

# --- what a sentence is ---

#: Somebody says that it holds from now on, or is to be remembered: reason enough, whatever else the sentence is.
LASTING = _compile_any(
    r"\bfrom (?:now|here|today|this point)(?: on| onwards?| forward)?\b(?=.*\w)",
    r"\b(?:going forward|henceforth|in (?:the )?future|next time|as a rule|by default)\b",
    r"^(?:don't|do not|never) forget\b(?=\s?[:,]|\s(?:that|to|we|our)\b)",
    r"^(?:remember|keep in mind|bear in mind|note that|take note|make a note|"
    r"for (?:your|future) (?:information|reference)|please note)\b",
    r"\b(?:keep|bear) (?:that|this|it) in mind\b",
    r"\bremember (?:that|this|it)\b(?!\?)",
    r"\bdefault (?:from|for)\b",
)
PREFERENCE = _compile_any(
    r"\bi only want\b(?! to\b)|\bit (?:annoys|bothers|irritates|helps|confuses) me (?:when|if|that)\b",
    r"\bi\s(?:(?:really|strongly|generally|usually|always|much|personally|also|still|just)\s)*"
    r"(?:prefer|hate|dislike|love|can't stand|cannot stand|don't like|do not like|don't want|like(?!\s(?:to|it\b|"
    r"that\b|this\b)(?! when))|"
    r"favou?r|am allergic|am used to|avoid)\b(?!\s(?:it[.!]?$|(?:this|that|these|those)\b(?! (?:kind|sort|style|you|"
    r"we|i|the)\b)))",
    r"\bi(?:'d| would)\s(?:much\s)?(?:prefer\b|rather\b.*\b(?:than|not|over|instead)\b)",
    r"\bmy\s(?:favou?rite|preference|preferred|go-to)\b",
    r"\bi\s(?:understand|learn|read|work|think|follow)\b.*\b(?:better|best|faster|easier)\b",
    r"^no\s[\w .#+-]{2,40}\splease\b,?\s(?:we|it|they|because|i)\b",
    r"^(?!(?:i|we|you|the|this|that|these|it|all|everything|a|an)\b)[\w .-]{2,40}\s(?:is|are)\s(?:fine|ok|"
    r"okay)(?:\s(?:with|for|by)\s(?:me|us))?[.!]?$",
    r"\bi(?:'m| am)\s(?:more\s)?(?:comfortable with|a fan of(?! your)|no fan of|not a fan of|fond of)\b",
    r"\bi want (?:you to )?(?:always|never|only)\b",
)
DECISION = _compile_any(
    r"\b(?:we|i|they|the team|the client|my boss|management)(?:'ve|'ll| have| has| had| will)?\s(?:just |now |"
    r"finally |all )?"
    r"(?:decided|agreed|settled|chose|chosen|picked|opted|concluded|voted)\b",
    r"\b(?:decision|decided|agreed|resolved|settled):",
    r"\b(?:it's|it is|it was|that's|that is) (?:decided|settled|agreed)\b",
    r"\b(?:let's|lets|we'll|we will|we're going to|we are going to|i'll|i will|i'm going to)\s(?:just\s)?"
    r"(?:go (?:with|for)|stick (?:with|to)|stay (?:with|on|at)|settle (?:on|for))\b(?!\s(?:it|that|this|your)\b)",
    r"\b(?:i'll|i will|we'll|we will)\stake\s(?!a look|care|it\b|that\b|this\b)",
    r"^(?:let's|lets|we'll|we will)\s(?:use|keep|adopt|call)\b.*\b(?:instead|rather|everywhere|as|"
    r"not|to|for all)\b",
    r"\bwe(?:'re| are)\s(?:now\s)?(?:moving|switching|migrating|going (?:with|for|to)|dropping|retiring|replacing|"
    r"standardi[sz]ing|phasing)\b",
    r"\bwe\s(?:went|go)\swith\b",
    r"\bwe\s(?:moved|switched|migrated)\s(?:\w+\s){0,6}(?:to|from|off|away)\b",
    r"\bthe plan (?:is|remains)\b",
    r"\bwe (?:want|aim|plan|intend) to (?:be on|stay on|move|switch|support|drop|release|launch|ship|migrate|use)\b",
    r"\bgave up on\b|\b(?:is|are) off the table\b|\bruled out\b|\b(?:was|were|has been|have been) (?:rejected|"
    r"accepted) by\b",
    r"\b(?:is|are|was|were|has been|have been) (?:dropped|deprecated|retired|decommissioned|frozen|abandoned|"
    r"cancell?ed|"
    r"postponed|approved|planned|scheduled|discontinued)\b",
)
_WE = r"(?:we|i|you|one|they|nobody|no one|everyone|everybody|anyone|please)"
_LANGUAGE = (
    "english|german|french|spanish|italian|portuguese|dutch|polish|russian|ukrainian|turkish|japanese|chinese|british|"
    "american|metric|imperial|plain|simple"
)
INSTRUCTION = _compile_any(
    r"^(?:before|after|on) (?:every|each|any|all)\s",
    r"^ask (?:me |us |[a-z]+ )?(?:before|first|about|whenever|if)\b",
    r"^(?:don't|do not) \w+ (?:.{2,40} )?directly\b",
    r"^keep (?:\w+ ){1,3}out of\b|^keep (?:all )?(?:commits|functions|answers|replies|responses|messages|prs|"
    r"pull requests|"
    r"changes|sentences|explanations)\b",
    rf"^(?:answer|reply|respond|write|speak|talk|explain|use)\b(?: me| us| to me| everything)?(?: in|"
    rf" with)? (?:{_LANGUAGE})\b(?! (?:file|"
    r"text|word|button|version)s?\b)",
    r"^stop \w+ing\b(?! (?:the|it|that|this|them)\b)",
    r"^no [\w -]{2,40} (?:in|for) (?:this|our|the) (?:codebase|code ?base|repo|repository|project|team|company|code)\b",
    rf"(?:^|\b{_WE}\s|[,:;]\s|\bplease\s|\band\s|\bso\s|\bbut\s|\bor\s)(?:should\s|must\s|will\s|do\s)?(?:always|"
    rf"never)\b(?!\s(?:mind|worked))",
    r"\b(?:always|never)[.!]?$",
    r"\b(?:is|are|be|must|should|may|has|have)\s(?:\w+\s)?(?:always|never)\b|\b(?:always|never)\s(?:be|have|use|in|"
    r"is|are)\b",
    r"\b(?:must|mustn't|may not|shall|shall not)\b(?!\s(?:be|have been|have)\s(?:a|an|the|some|because|something|"
    r"due)\b)",
    r"\b(?:forbidden|prohibited|not allowed|off limits|mandatory|compulsory|obligatory|required (?:for|by|in|to)|"
    r"out of bounds|a must|a no-go|allowed (?:only|to))\b",
    r"\b(?:don't|do not|doesn't|never)\b.*\b(?:again|any ?more|any longer|ever|in (?:your|my|our|this)\b|"
    r"when(?:ever)?\b|"
    r"if\b|unless\b|without\b)",
    r"^(?:don't|do not)\s(?:ever\s)?(?:use|add|touch|change|commit|push|merge|deploy|write|suggest|propose|mention)\b.*"
    r"\b(?:main|master|production|prod)\b",
    r"^when(?:ever)?\s(?:you|we|i|one|someone|somebody|a|an|the)\b[^,]{3,80},\s(?:please\s|then\s|always\s)?\w+",
    r"^(?:whenever|unless|every time|each time)\b",
    r"^if (?:you|we|someone|somebody|anyone|something|a|an|the)\b[^,]{3,100},\s(?:please\s|then\s|always\s)?"
    r"(?:use|ask|tell|run|write|add|put|check|do|don't|call|stop|mention|prefer|open|make|keep|leave|create|go|"
    r"update)\b",
    r"^(?:use|write|keep|prefer|answer|reply|respond|call|name|format|put|prefix|leave|stick|speak|be|avoid)\b"
    r".*\b(?:every|each|all|any|always|everywhere|everything|only|alone|instead of|rather than|not|unless|plainly|"
    r"no more than|at most|max)\b(?!.*\b(?:here|this (?:file|function|test|line|page|class))\b)",
    r"\b(?:i want|i'd like|i need) you to\b.*\b(?:always|never|every|in future|from now|whenever|each)\b",
)
#: The same with weaker words, unless the sentence is a request for work.
RULE = _compile_any(
    r"^(?:prefer|avoid)\s\w+",
    r"\b(?:has|have|needs?) to (?:keep|stay|remain|run on|work (?:on|with|without)|support|be compatible|comply)\b",
    r"^[\w\s-]{3,40}\severywhere[.!]?$",
    r"^(?:every|each|all|any|no|none of)\s(?!of (?:this|that|these)\b|good\b|idea\b|thanks\b|right\b|the best\b|"
    r"set\b|done\b)"
    r".*\b(?:must|needs?|has to|have to|should|is|are|goe?s?|ends?|gets?|starts?|requires?|lives?|belongs?|"
    r"uses?|"
    r"allowed|come|comes)\b",
    r"\b(?:only|exclusively)\s(?:on|after|before|between|when|happens?|in|with|via|through|by|from|for|use|used|"
    r"uses)\b",
    r"\b(?:happens?|deploys?|ships?|releases?|merges?|use|uses|accepts?|allows?|supports?|works?|"
    r"writes?)\s(?:\w+\s){0,4}only\b",
    r"\b(?:\w+\s)only\s?(?:,|;|\.|$|and\b|please\b|because\b)",
    r"\bat (?:most|least) \d+\b|\bmax(?:imum)?\.?\s(?:of\s)?(?:\d+|one|two|three|four|five)\b",
    r"\b(?:insists?|requires?|demands?|expects?) (?:that|on|to|all|every|us|a|an|the|it)\b",
    r"\bneeds? (?:a|an|the) \w+.*\b(?:first|before)\b",
    r"\bwe (?:say|write|spell|call it)\b.*\b(?:not|never|instead|and not)\b",
)
FACT = _compile_any(
    r"\bhappens? (?:on|at|every|in)\b|\b(?:you(?:'ll| can) find|can be found)\b",
    r"\b(?:is|are) (?:now |all )?(?:protected|read-only|outdated|obsolete|immutable|confidential)\b",
    r"\b(?:is|are|was|were|'s)\s(?:also\s|now\s|still\s|internally\s|officially\s)?(?:called|named|codenamed|"
    r"code-named|known as|nicknamed|"
    r"spelled|spelt|pronounced|abbreviated)\b",
    r"\b(?:stands|is short|is the (?:\w+ )?(?:name|word|term|code ?name)|is the (?:\w+ )?one) (?:for|of|that|which|"
    r"who)\b",
    r"\bthe name of (?:the|our|my)\b|\bname is\b|\b(?:nick|code)?names? (?:of .{2,40} )?(?:is|are)\b",
    r"\b(?:i'm|i am) [a-z]+ (?:from|at|of|and i|, (?:and )?i)\b|\b(?:i'm|i am) (?:an?(?! (?:bit|little|moment|fan))|"
    r"the(?! one)|in charge|responsible|"
    r"based|from|working (?:at|for|as|in))\b",
    r"\bi (?:work(?! on (?:it|this|that))|study|live|teach|write|maintain|manage|lead|own|run|research|only know|"
    r"know only|speak|"
    r"am studying)\b\s?(?:my|a|an|the|at|in|as|for|on|with|about|python|only)\b",
    r"\bi (?:don't|do not|can't|cannot|only|mostly|usually|often|also|never) (?:know|write|speak|use|have|work|read|"
    r"understand|code|own)\b",
    r"\b(?:is|are)\s(?:\w+ly\s|all\s|always\s|now\s|also\s|only\s)?(?:owned|maintained|run|managed|hosted|"
    r"stored|deployed|served|kept|published|generated|"
    r"refreshed|backed up|defined|located|written|configured|signed|approved|validated|reviewed|sold|licensed|built|"
    r"documented|handled|billed|measured|encrypted|saved|reserved|based|shared|mirrored|archived|tracked)\s"
    r"(?:by|in|on|at|under|via|with|every|from|as|to|daily|nightly|weekly|monthly|for|and)\b",
    r"\b(?:lives?|sits?|resides?|is|are) (?:in|at|on|under|behind)\s[\"'\w]*[/.\d_@\"]",
    r"\b(?:lives|sits|resides|belongs|listens|depends|relies|replaces|comes|originates|expires|ends|starts|opens|"
    r"closes|stems|dates) "
    r"(?:in|at|on|under|to|from|with|upon|behind|off|back)\b",
    r"\bbelongs? to\b|\bis (?:our|my|the new|the old|the only|the main|the first)\b|\bare (?:our|my)\b",
    r"\b(?:runs?|works?) (?:on|at|in|every|under|for|as)\s",
    r"\b(?:writes?|sends?|saves?|puts?|ships?|reports?|pushes?|uploads?|syncs?|publishes) (?:its|their|all|"
    r"everything|every)\b",
    r"\b(?:moved|migrated|switched|renamed|upgraded|relocated|changed|transferred) (?:from .{2,60} )?to\b",
    r"\bit's (?:a|an) .*\b(?:project|repo|repository|app|codebase|service|library|monorepo|package|site|game|cli|"
    r"plugin)\b"
    r"|\bthis (?:project|repo|repository|app|codebase|service|library|monorepo|package|site|game) (?:is|uses|has|"
    r"runs|needs|targets|supports)\b",
    r"\b(?:has|have) (?:left|joined|moved|changed jobs|retired|been (?:broken|replaced|down|retired|moved))\b|"
    r"\b(?:left|joined) in\b",
    r"\b(?:replaces|succeeds|took over|takes over|owns|maintains|manages|validates|approves|reviews|is in charge|"
    r"is responsible)\b",
    r"\b(?:deadline|due date|release|launch|freeze|go-live|cutover|exam|defen[cs]e|demo|review|migration|audit|meeting|"
    r"holiday|vacation|submission|conference|wedding|birthday|kick-?off|maintenance|sprint|contract|subscription|"
    r"certificate|licen[cs]e)\b.*\b(?:is|are|was|starts?|begins?|ends?|expires?|on|until|by|due)\b.*"
    r"(?:\d|\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|next|january|february|march|april|"
    r"may|june|"
    r"july|august|september|october|november|december)\b)",
    r"\bi (?:fly|travel|leave|arrive|move|come back|am away|'m away|am on|return)\b.*\b(?:on|from|to|until|in)\b.*\w",
    r"\b(?:expires?|ends?|starts?|renews?) on\b",
    r"\b(?:is|are|will|would be|starts?|ends?|closes?|opens?|begins?|due|until|by|on)\b.*(?:\b\d{1,2}(?:st|nd|rd|"
    r"th)?(?:\sof)?\s"
    rf"(?:{_MONTHS})\b|\b(?:{_MONTHS})\s\d{{1,2}}\b|\b20\d\d-\d\d-\d\d\b)",
    r"\b(?:i'm|i am) (?:vegan|vegetarian|allergic|left-handed|dyslexic|colou?r ?blind|deaf|blind|diabetic|retired|"
    r"self-employed)\b",
    r"\bcan't (?:use|have|ship|change|host|store|accept|rely|upgrade|touch)\b",
    r"\b(?:unreliable|confidential|end of life|eol|out of support|no longer (?:supported|used|maintained|"
    r"available|"
    r"valid)|depends on that|is gone|are gone)\b",
    r"\b(?:minimum|maximum|supported|target|current|tile|page|default|latest|stable|lowest|"
    r"oldest)\s(?:\w+\s){0,3}(?:is|are)\s",
    r"\bexcept\b.*\b(?:because|since|which)\b|\bexclude it\b",
)
#: A habit of the people who work here: "we measure soil moisture at four sites".
HABIT = re.compile(
    r"(?:^|,\s|:\s|\band\s|\bhere\s)(?:in (?:this|our|my|the) [\w ]{2,30},?\s)?we\s(?:only\s|also\s|still\s|mostly\s|"
    r"usually\s|currently\s|all\s|both\s|now\s)?"
    r"(?:do\s|don't\s|do not\s|can't\s|cannot\s|no longer\s)?"
    r"(?:do|use|have had|had|say|support|measure|keep|store|write|follow|aim|target|deploy|ship|release|call|own|pay|"
    r"sell|host|bill|sign|name|publish|avoid|allow|accept|serve|rent|lint|format|rebase|squash|version|tag|"
    r"document|review|merge|log|mock|pin|vendor|charge|count|speak|report|run|test|track|treat)\b"
)
#: The things of the people who work here: "our client is a public library".
OURS = re.compile(
    r"(?:^|[,;:]\s|\bbecause\s|\bsince\s|\band\s)(?:our|my)\s(?:[\w&'./-]+\s){1,5}?(?:is|are|has|have|wants?|"
    r"insists?|requires?|prefers?|follows?|"
    r"hates?|loves?|uses?|speaks?|runs?|needs?|lives?|sits?|expects?|'s)\b"
)
#: A thing with its place, number or name: "the API is at /v2", "amounts are integers in cents".
PLAIN_FACT = re.compile(
    r"^(?!(?:a|an|this|that|it|there|here|i|you|as|when|whenever|if|while|after|before|since|because|although|so|now|"
    r"then|what)\b)"
    r"(?:the|all|both|dates?|ids?|in (?:our|this|the)|[\w.-]+(?:'s)?)\s?(?:[\w&'./-]+\s){0,6}?"
    r"(?:is|are|has|have|uses?|needs?|means|equals|contains?|holds?|owns?|goes|go|ends?|wants?|speaks?|lives?)\s"
)
CORRECTION = re.compile(
    r"^(?:no,|nope|wrong|that's wrong|that is wrong|that's not|not quite|actually|correction|sorry,|i mixed|i meant|"
    r"to be precise|to clarify|nein,|falsch|stimmt nicht|eigentlich|tatsächlich|non,|en fait|no es|en realidad)\b"
)
