"""Can a sentence be understood by a stranger who reads nothing else?

`standalone` answers with "" or with the reason why not. The rules look at the
surface only (words, punctuation, order), for English expository prose and
software documentation. They prefer a good sentence lost over a bad one let
through: a source has many sentences, a report shows few.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dlm_core.english import (
    ADVERBS,
    AUX,
    FUNCTION,
    IRREGULAR,
    KNOWN_VERBS,
    NOUN_FOLLOWS,
    OBJECT_START,
    PARTICIPLE_FOLLOWS,
    PLAIN_VERBS,
    PLURAL,
    PRONOUNS,
    RELATIVE,
    THING,
    VERBS,
)

# words that begin a new sentence after an abbreviation or initial


_CONNECTIVES = re.compile(
    r"(?:However|Therefore|Thus|Hence|Also|Moreover|Furthermore|Additionally|For (?:example|instance|one,"
    r"|that matter|one thing|starters|comparison|(?:now|centuries|years|decades|a while|a moment),)|In (?:addition"
    r"|contrast|comparison|other words|fact|particular|turn|response|summary|conclusion|short|sum|brief|essence"
    r"|reality|practice,|theory,|effect,|return|the end|the meantime|the process|the latter|the former|all,"
    r"|any case|any event|either case|each case|both cases|all cases|part,|so doing|doing so|hindsight|the same"
    r"|the next|the last|the previous|the (?:first|second|third) (?:case|place|example|step|approach|method|part|of"
    r"|scenario|instance|study|experiment|condition|group|stage|phase)|the (?:above|example)|a sense|another"
    r"|an? (?:different|alternative|alternate|similar|related)|one (?:classic |famous |recent |early )?(?:study"
    r"|experiment|example|case|such))|Instead(?! of)|Otherwise|Similarly|Likewise|Conversely|But|And|So(?! that\b)"
    r"|Or|Nor|Yet|Then|Next|Finally|Lastly|Secondly|Thirdly|Fourthly|Firstly|First,|Second,|Third,|Fourth,|Last,"
    r"|Still|Nevertheless|Nonetheless|Consequently|Accordingly|As (?:a (?:result|consequence|reminder|side note"
    r"|rule of thumb,|bonus|general rule,)(?! of)|such|(?:it|they|he|she|we|you|I|this|these|that|those)|(?:noted"
    r"|mentioned|discussed|described|shown|seen|explained|stated|indicated|illustrated|pointed|expected|always"
    r"|usual|before|above|previously|well|always|with (?:the|any|other)|can|for|part|one (?:might|can|would)"
    r"|an (?:example|illustration|alternative|aside|added|[a-z]+ example)|a [a-z, ]{0,30}example))\b|By (?:contrast"
    r"|comparison|then|now|doing|this|that|these)|On the (?:other|one|contrary|flip|same)|On top of|That is|Indeed"
    r"|Of (?:course|these|those|all|the (?:two|three|four|five|six|above))|After all|Again|Besides,|Rather(?! than)"
    r"|Meanwhile|Afterwards?|Subsequently|Specifically|Particularly|Namely|Notably|Importantly|Clearly|Obviously"
    r"|Fortunately|Unfortunately|Interestingly|Surprisingly|Luckily|Sadly|Curiously|Ironically|Hopefully|Naturally"
    r"|Basically|Essentially|Evidently|Apparently|Certainly|Now|Perhaps|Maybe|Well|Yes|No,|Sure|OK|Okay|To (?:begin"
    r"|summari[sz]e|sum|conclude|do (?:so|this|that|it)|be (?:clear|sure|fair|more)|illustrate|recap|this|that"
    r"|these|see|make matters|put it|say|understand (?:this|how|why|what)|complicate)|Overall|Even"
    r"|At (?:the (?:same|time|other|next|beginning of the)|first|this|that|these|last|some)|Once (?:again|this|that"
    r"|these)|Along (?:the|these|with (?:this|these))|More (?:importantly|specifically|recently|generally|broadly"
    r"|precisely|formally|often)|Most importantly|Worse|Better|Together,|Alternatively|Equally|Correspondingly"
    r"|Simultaneously|Eventually|Later|Earlier|Initially|Soon|Until (?:then|now|recently)|Since then|From (?:there"
    r"|then|here|this|that|these|the above)|Thereafter|Thereby|Hereafter|Not (?:surprisingly|only (?:is|are|do|does"
    r"|did|was|were) (?:it|they|this|that|these|he|she)|so|yet|until|necessarily|exactly|quite)|Nor|Too|Just (?:as"
    r"|like|because)|Or else|Up to this|Up until|With (?:this|that|these|those|it|them)|(?:Within|After) (?:a few"
    r"|several|many|some|\d+|two|three|four|five|six) (?:seconds|minutes|hours|days|weeks|months|years)\b(?= ?,)"
    r"|For (?:this|that|these|those|more|further|details|additional|the (?:purposes?|same|sake|remainder|rest"
    r"|most part|moment|time being|example|first|second)|now|all|both|each)|Because of (?:this|that|these|it|their"
    r"|its)|Despite (?:this|that|these|it|its|their|all)|Due to (?:this|that|these|its|their)|Given (?:this|that"
    r"|these|the (?:above|following))|Regardless|Nowadays|Either way|In (?:this|that|these|those|it|such|its|their)"
    r"|Only then|Until (?:this|that)|Under (?:this|that|these|those|such)|Upon (?:this|that)|Beyond (?:this|that"
    r"|these)|Like (?:this|that|these|its|it)|Unlike (?:this|that|these|its|it|the (?:previous|other|first|second))"
    r"|Apart from (?:this|that|these)|Aside from (?:this|that|these)|Thanks to (?:this|that|these)|Without (?:this"
    r"|that|these|it|them)|Among (?:these|those|them|other|the)|Depending on (?:this|these|the (?:above))"
    r"|Where (?:the|necessary|possible)|Much like|Whatever|Whichever|If (?:so|not|necessary|possible|needed"
    r"|required|desired|any|anything|this|that|these|those|one of|only|true|false|True|False|None|unset|omitted"
    r"|present|absent))(?:\b|(?<=,))"
)
_DEICTIC_START = re.compile(
    r"(?:This|That|These|Those|It|Its|They|Their|Theirs|Them|He|His|Him|She|Her|Hers|Such|Both|Here|Another|Others?"
    r"|Either|Neither|Each (?:of|one|is|has|was|can|will|may|such)|Some (?:of (?:these|those|them|the|its|their"
    r"|this)|are|were|have|do|other|such|say|may|might|will|would|can)|Many (?:of (?:these|those|them|the|its|their"
    r"|this)|are|were|have|do|other|such|more)|Most (?:of (?:these|those|them|the|its|their|this|it)|are|were|have"
    r"|do|other|such)|Several (?:of|other|are|more|such)|A few (?:of|other|are)|Few (?:of|other|are)"
    r"|All (?:of (?:these|those|them|this|that|it)|these|those|this|that|are|were|have|other|three|four|but)"
    r"|Any (?:of|other|such)|None of|One (?:of (?:these|those|them|the (?:two|three|above"
    r"|most (?:common )?of these))|is|was|such|such|has|can|could|may|might|must|should|would|will|also|more|other"
    r"|final|last|additional|further|interesting|notable|thing|caveat|exception|answer|advantage is|disadvantage is"
    r"|(?:common |possible |simple |good |popular |important |notable )?(?:example|reason|way|approach|problem"
    r"|solution|option|method|difference|possibility|drawback|benefit|issue|theory|explanation|argument) (?:is|was"
    r"|would|might|could|may))|Two (?:of|such|other|more|are|were)|Three (?:of|such|other|more|are)"
    r"|Half of (?:these|those|them)|Much of (?:this|that|the|it)|Part of (?:this|that|the|it|these)"
    r"|More than (?:this|that)|Similar|The (?:second|third|fourth|fifth|sixth|next|other|others|latter|former|same"
    r"|previous|preceding|above|following|aforementioned|remaining|rest|remainder|resulting|reverse|opposite|two"
    r"|three|four|five|last|final|current|corresponding|only|answer|idea|point|key|trick|catch|bottom line"
    r"|good news|bad news|upshot|result|results|effect|effects|difference|differences|more|less|better|first (?:is"
    r"|was|step|type|of|one|way|reason|example|option|approach|method|stage|phase|line|argument|parameter|thing"
    r"|case|part|two|three|category|group|element|component|kind|form|question|issue|point|study|experiment|row"
    r"|column|term|law|condition|set|word|number|value|sentence|paragraph|task|major|assumption|goal))"
    r"|An? (?:second|third|fourth|similar|related|further|final|additional|better|simpler|more|different|recent"
    r"|good example|common example|classic example|simple example|typical example|famous example"
    r"|(?:\w+ )?(?:example|alternative|exception|analogy|consequence|corollary) (?:is|are|was|would|might|of this"
    r"|of these|of such))|Arguments|Examples|Reasons|Exceptions|Options|Possible (?:values|options|reasons)"
    r"|Additional|Further|Later|Same|Likely|Common examples|Other|Again|Together they|(?:More|Less|Fewer|Greater"
    r"|Higher|Lower|Larger|Smaller|Stronger|Weaker|Bigger|Older|Younger|Newer|Better|Worse|Faster|Slower|Longer"
    r"|Shorter|Deeper|Wider)\b(?!.*\bthan\b)|The (?:larger|smaller|greater|bigger|higher|lower|older|younger|newer"
    r"|earlier|later|stronger|weaker|faster|slower|longer|shorter|simpler|easier|darker|lighter|heavier|richer"
    r"|poorer|left|right|top|bottom|middle|leftmost|rightmost|upper) (?!(?:the|house|class|classes|back|half|wing"
    r"|court|courts)\b)|There(?! (?:is|are|was|were|has|have|exist|exists|may|can|will|must|should)\b)|There (?:is"
    r"|are|was|were|has|have|may|can|will|must|should)\b[^.]{0,40}\b(?:other|another|also|this|these|such|more|no"
    r"|reasons|exceptions|ways))\b"
)

_VERB = re.compile(r"(?:" + "|".join(sorted(VERBS)) + r")\Z", re.I)
# these are hardly ever the first noun of a sentence
_PLAIN_IMPERATIVE = re.compile(
    r"(?:See|Refer|Consider|Ensure|Click|Select|Choose|Remember|Recall|Notice|Imagine|Suppose|Assume|Let|Let's|Try"
    r"|Think|Look|Go|Visit|Don't|Don’t|Be|Do|Keep|Make|Add|Create|Avoid|Install|Remove|Delete|Specify|Configure"
    r"|Enable|Disable|Put|Give|Take|Get|Follow|Write|Find|Explain|Describe|Discuss|Compare|Identify|Define"
    r"|Calculate|Compute|Determine|Note|Observe|Verify|Replace|Please|Feel|Say|Tell|Learn|Read|Enter|Begin|Perform"
    r"|Construct|Generate|Retrieve|Obtain|Convert|Execute|Wrap|Always|Never|Examine|Evaluate|Analyze|Allow|Provide"
    r"|Prefer|Append|Insert|Receive|Unlike before|Contact|Consult|Register|Interact|Bring|Draw|Solve|Navigate"
    r"|Download|Paste|Print|Ask|Pick|Decide|Repeat|Understand|Know|Watch|Wait)\b(?!['’]s\b)"
)
_THEN = re.compile(r"(?:To|If|When|For|In|On|Once|After|Before|With)\b[^,]*, ([a-z]+) (\w+)")
_THEN_DO = re.compile(
    r"^(?:If|When|Once|Unless|After|Before|To|For|In|By|On|While|Otherwise|Until)\b.*, (?:and |then |just |simply "
    r"|always |first |do not |don[’']t )?(?:return|raise|reset|use|call|set|allow|do|see|specify|pass|add|make|run"
    r"|try|keep|create|check|consider|ensure|avoid|select|click|choose|write|open|remove|replace|go|enter|install"
    r"|type|read|start|stop|take|give|find|look|think|ask|returns|raises|allows|sets|uses|does|calls)\b(?! (?:is"
    r"|are|of|and|in)\b)"
)
_IMPLIED = re.compile(
    r"(?:Changed|New|Added|Deprecated|Removed|Renamed|Introduced) (?:in|since|as of|after|with|by|from|the)\b"
    r"|Used (?:to|for|by|in|when|as|with|internally)\b|Called (?:when|by|to|with|after|before|if|on|once|from)\b"
    r"|(?:Equivalent|Same|Identical|Analogous|Alias|Shorthand|Synonym|Alternative|Defaults?|Corresponds|Similar"
    r"|Relative|Subject|Due|Available|Useful|Suitable|Applicable) (?:to|as|of|for|in|on|when|only)\b|(?:True|False"
    r"|None) (?:if|when|by|otherwise|on)\b|Whether (?:to|or not to)\b|(?:Optional|Required|Default|Availability"
    r"|Bases|Parameters?|Arguments?|Examples?|Note|Notes|Warning|Caution|Tip|Hint|Important|Source code|Type"
    r"|Version|Usage|Syntax|Description|Purpose|Summary|Overview|Answer|Question|Solution|Objective|Definition"
    r"|Theorem|Proof|Step \w+|Credit|Figure|Source|Photo|Image|TODO|FIXME|Tl;dr)\s*[:.(—–-]|(?:Can|Must|May(?! \d)"
    r"|Should|Cannot|Could|Might|Would|Has|Have|Is|Are|Was|Were|Does|Did|Will) [a-zN]|Deprecated\b|Example,|Below\b"
    r"|Above\b|(?:Note|Warning|Tip|Important|Caution|Hint|See also) [A-Z]|(?:If|When|Unless|While) (?:[a-z]+_\w+"
    r"|[a-z]+ (?:is|are) (?:not )?(?:None|[Tt]rue|[Ff]alse|given|specified|provided|omitted|set|empty|the empty"
    r"|supplied|zero|absent|present|an? (?:negative|positive|non-negative|string|callable|number|float|list|tuple"
    r"|dict))\b)|[a-z]\w*(?: [a-z]\w*)?, if (?:specified|given|present|provided|set)|(?:If|When|Once|Unless|Until"
    r"|While|Where|Though|Although|Whenever) (?:not |also |both |neither |either )?(?:[a-z]+ed|set|given|unset|so"
    r"|in|no|run|done|left|built|using|doing|running|working|necessary|possible|needed|zero|non-zero|positive"
    r"|negative|provided|there|after|equal|both|either|none of|neither|one|two)\b(?! (?:is|are|people|companies))"
    r"|(?:Internally|Optionally|Additionally|Currently|Usually|Normally|Typically|By default|Generally),? (?:used"
    r"|called|returns?|set|you|not|this|it|these)\b"
)
_VERBISH = (
    r"(?:is|are|was|were|has|have|had|can|could|will|would|shall|should|may|might|must|does|do|did|cannot|also|then|now"
    r"|itself|themselves|here|above|below|just|only|simply|usually|often|[a-z]+ed"
    r"|(?:" + "|".join(sorted(VERBS)) + r")e?s|goes|says|puts|found|made|took|gave|became|went|came|saw|said|told|began"
    r"|ran|kept|held|left|led)\b"
)
_BARE_THING = re.compile(
    r"(?:(?:If|When|Once|While|After|Before|Because|Since|Although|Until|Unless|As|Whenever|Where|In|On|For|With) "
    r"|(?:On|In|For|By|Under|At|Typically|Normally|Usually|Generally|Often)\b(?: [\w-]+){0,4}, )?"
    r"(?:[Tt]he|[Ii]ts) (?:[a-z-]+ )?(?:" + "|".join(sorted(THING)) + r"),? " + _VERBISH
)

_CROSS = re.compile(
    r"\b[Ii]t is (?:also )?(?:important|useful|helpful|worth|interesting|essential|crucial|good) to (?:remember"
    r"|note|keep|recall|know|realize|recognize|understand|point|mention)\b|\b(?:Fig(?:ure|s|ures)?\.?|Tables?|Tab\."
    r"|Equations?|Eqs?\.|Eqn\.?|Examples?|Listings?|Chapters?|Ch\.|Sections?|Sect?\.|§|Appendix|Exercises?"
    r"|Problems?|Modules?|Units?|Lessons?|Box|Steps?|Module|Part|Diagram|Exhibit|Sidebar|Footnote|Lab|Worksheet"
    r"|Theorem|Lemma|Corollary|Plate) ?[\dIVX]|\b(?:this|the (?:next|previous|preceding|last|following|earlier"
    r"|later|present|current|above|accompanying|entire|rest of the|remainder of the)) (?:chapter|section|book"
    r"|textbook|text|article|page|document|tutorial|guide|module|lesson|course|unit|video|activity|feature|figure"
    r"|table|example|diagram|paper|report|site|website|blog|post|manual|handbook|guidance|paragraph|appendix|list"
    r"|workshop|episode|exercise|recipe|step|howto|topic|faq)s?\b|\bthe (?:figure|diagram|graph|chart|image|photo"
    r"|photograph|illustration|picture|map|table|drawing|screenshot|video|cartoon|sidebar|inset|caption"
    r"|appendix)s?\b|\b(?:shown|listed|given|described|discussed|mentioned|outlined|noted|defined|explained|seen"
    r"|covered|presented|introduced|detailed|illustrated|depicted|summarized|stated|cited|referenced|pictured"
    r"|specified|documented) (?:above|below|earlier|previously|later|elsewhere|here|in the (?:section|chapter"
    r"|figure|table|text|appendix|next|previous|documentation|example))\b|\b(?:example|examples|code|list|table"
    r"|figure|section|see|as|from|the|one|ones|described|two|all|steps?|links?) (?:above|below)\b|\b(?:above"
    r"|below)(?:[,;:)]|\.$|[- ]mentioned)|\b[Tt]he (?:above|below)\b|\bbelow (?:are|is)\b|\bthe aforementioned"
    r"|\baforementioned\b|\bas follows\b|\bfollows?:|\bthe following (?!year|day|month|week|morning|century|decade"
    r"|night|season|summer|winter|spring|fall|autumn|evening|election|generation)|\bfollowing (?:example|code"
    r"|command|section|table|list|steps?|lines?)\b|\(\s*(?:see|cf|e\.g\., see|left|right|top|bottom|center|a|b|c|d"
    r"|i|ii|iii|refer|as in|click|link|image|credit|courtesy|middle|shown)\b|\bsee (?:also|section|chapter|figure"
    r"|table|how|below|above|https?|page|the (?:section|chapter|docs|documentation|manual|page|next|notes?"
    r"|description|reference|guide|appendix|article))\b|[,;] (?:please )?see\b|\bfor (?:more|further|additional"
    r"|full|complete) (?:information|details?|discussion|explanation|background|on|about|reading|help|examples"
    r"|documentation)\b|\brefer(?:red)? to (?:as )?(?:the )?(?:[A-Z]\w* )?(?:section|chapter|documentation|docs"
    r"|manual|page|guide)\b|\b(?:as|we|was|were|been|already) (?:previously |already |just |also )?(?:noted"
    r"|mentioned|discussed|described|explained|stated|shown|seen|illustrated) (?:in|by|above|below|earlier|before"
    r"|previously|later|with|on)\b|\bas (?:noted|mentioned|discussed|described|explained|stated|shown|seen"
    r"|illustrated|indicated|we|you|can be seen|pictured|depicted|before|above|below|previously)\b"
    r"|\bclick(?:ing)? (?:on|here|the)\b|\bhere\b|\bherein\b|\b[Pp]lease\b|\bkeep reading\b|\btime of writing\b"
    r"|\b(?:the|a|an|this) (?:(?:optional|required|first|second|third) )?[a-z_]+ (?:parameter|argument|kwarg"
    r"|keyword argument|attribute|keyword|flag|option)s?\b(?! (?:of|to|for) (?:[A-Z]|[a-z]+[.(_]))|\bread more\b"
    r"|\blearn more\b|\bthe (?:reader|readers)\b|\bshaded\b|\b(?:top|bottom|side) of the page\b|\bthe (?:red|blue"
    r"|green|dashed|solid|dotted|black|white|yellow|gray|orange|purple|horizontal|vertical) (?:lines?|curves?|box"
    r"|boxes|dots?|arrows?|areas?|bars?|axis)\b|\b(?:point|curve|line|area|box|region|angle|side|graph|panel|column"
    r"|row|axis)s? \(?[A-Z]\)?(?=[ ,.;)])|\bend of (?:the|each|every) chapter\b"
)
_PERSON = re.compile(
    r"\b(?:[Ww]e|[Oo]ur|[Oo]urs|us|[Oo]urselves|[Yy]ou|[Yy]our|[Yy]ours|[Yy]ourself|[Yy]ourselves|[Ll]et[’']s|[Mm]y"
    r"|myself|[Mm]e)\b(?![.-]\w)|(?:^|[\"“(—]|, |\b(?:and|but|that|what|as|if|when|because|so|while|which|than"
    r"|where|who|think|how|after|before|until|since) )I(?:[’']\w+)? (?:[a-z])|\bI[’'](?:m|ve|d|ll)\b"
    r"|^One (?:\w+ )?(?:can|cannot|can[’']t|could|may|might|must|should|would) (?:\w+ )?"
    r"(?:ask|argue|believe|consider|expect|guess|imagine|picture|say|see|suppose|think|wonder)\b"
)
_SMALL_CONNECT = re.compile(
    r"^(?:[^\s;]+ ){1,14}?[^\s;]*,? ?(?:however|therefore|for example|for instance|on the other hand|by contrast"
    r"|in contrast|in turn|moreover|furthermore|instead(?! of)|likewise|of course|though|in other words"
    r"|consequently|nevertheless|nonetheless|thus|hence|in particular|similarly|conversely|accordingly"
    r"|in this (?:case|way)|then|too|in fact|indeed|as a result|in addition|as well|after all|otherwise|meanwhile"
    r"|rather|again),"
)
_ALSO = re.compile(
    r"^(?:[^\s,;]+ ){0,9}?(?<!but )(?<!only )also (?!known|called|termed|referred|named|written|spelled"
    r"|abbreviated)|,? (?:too|as well|either)\.$|^(?:[^,;]{3,40}, )?(?:[^\s,;]+ ){0,7}?"
    r"(?:therefore|thus|hence|consequently|instead"
    r"|similarly|likewise|nevertheless|nonetheless|accordingly|otherwise)\b(?! of)"
)
_INNER = re.compile(
    r"\b(?:this|these|such(?! as\b| that\b|,)|those(?! (?:who|whose|of|that|which|in|with|from|at|for|on|without"
    r"|found|used|made|to|living|working|under|by|not|who've|where|whom|aged|having|born|outside|already"
    r"|between)\b))\b"
)
_NEW_CLAUSE = re.compile(
    r"(?:[;—–] ?|\b(?:and|but|because|so|although) )(?:(?:for|of|in|with|by|from|to|at|under|each of) )?$"
)
_LATTER = re.compile(
    r"\banother (?:example|one|way|reason|type|kind|approach|instance|option|method|such)\b|\bin (?:a"
    r"|the) (?:similar|same) (?:fashion|way|manner)\b(?! (?:as|that|to))|\bthe (?:latter|aforesaid)\b"
    r"|\bthe former\b(?! [a-z]+ (?:of|who|which|that|is|was|[A-Z]))|\bvice versa\b|\bthe others?\b(?=[,.;]| (?:is"
    r"|are|was|were|has|have|two|three|hand|half))|\bthe (?:two|three|four)\b(?! (?:of|most|main|major|houses"
    r"|chambers|largest|world))"
)
_TIME = re.compile(
    r"\b(?:last|next) (?:week|month|year|summer|night|time)\b|\bat (?:this|that) (?:time|point|stage)\b"
    r"|\b(?:yesterday|tomorrow|tonight|right now|a while ago|years? ago\b(?=\.|,))|\bat the time\b(?! (?:of|when"
    r"|that|the))|\bby then\b|\bin those days\b|\bthat (?:same )?(?:year|day|month|week|night|morning|time|period"
    r"|decade|era|case|way|point|reason|process|approach|method|question|problem|kind|type|sort|information|value"
    r"|number|amount)\b|\bthe [a-z]+ now [a-z]+s\b"
)
# "an end to that trend.", "In 2010, that group was ...": which, where the sentence has no such noun before.
_THAT = re.compile(
    r"\b(?:of|in|by|for|with|from|against|on|at|about|to|under|over|during|after|before) that ([a-z-]+)(?=[.,;:])"
    r"|(?:^|, )that ([a-z]+) (?:is|are|was|were|has|had|can|will|would)\b"
)
# "Dealing with it is trickier.", "It goes further": than what was said before. "The rate rises.": when it does.
_COMPARES = re.compile(
    r"\b(?:is|are|was|were) (?:even |much |far |still |somewhat |a (?:little|bit) )?(?:(?:more|less) \w+|\w{3,}ier"
    r"|harder|easier|larger|smaller|higher|lower|better|worse|faster|slower|stronger|weaker|greater|longer|shorter)\.$"
    r"|\b(?:go|goes|went) (?:even )?further\b|\bsomething (?:even |much |far )?more\b(?!.* than\b)"
    r"|^The \w+[’']s (?:situation|case|turn|fate)\b"
    r"|\b(?:newer|older|better|simpler|modern) alternative\b(?! (?:to|for|of)\b)"
    r"|^The (?:leftover|remaining|resulting|other|same) \w+\b(?! (?:of|that|which|from|as)\b)"
    r"|\bbelonging to the \w+\b(?! of)"
    r"|\bin the (?:first|second|third|fourth) (?:set|list|group|case|example|step|part|half|argument|element|method"
    r"|approach|column|row)\b(?! of)|\b[Tt]he (?:code )?(?:block|snippet|listing|example|output) (?:with|above|below"
    r"|that)\b|^The (?:[\w-]+ ){1,5}(?:rises?|falls?|increases?|decreases?|grows?|drops?|shrinks?|changes?)\.$"
)
_MARKUP = re.compile(
    r"\*\*|``|`|\]\(|https?:|www\.|</?[a-z][^>]*>|&[a-z]+;|\{\{|\}\}|\$[A-Za-z\\{(]|\\[a-zA-Z]+|^\||\|.*\||={2,}"
    r"|[{}]|->|=>|::|\bTODO\b|\bFIXME\b|^>|^#|~~|\|\||&&|>>>|\(\.\.\.\)|--[a-z]|\[\[|\]\]|\[[^\]]*\]\[|\.\. "
    r"|:[a-z]+:|%[sd]\b|\$\(|;$"
)
_MATHS = re.compile(
    r"\s[=≈≤≥∝≠<>∈→⇒⟶←↔≡∼∑∫√+*/^−|!]\s|\w\^|[=≈≤≥∝∈∑∫√∂∇]|\b[A-Za-z][₀₁](?![A-Za-z])|\s[,.;:](?:\s|$)|(?<!\w)\(\s*\)"
    r"|\b[A-Za-z]\s?[<>=]\s?\w|\d\s?[+*/÷×−]\s?\d|[\u0391-\u03c9]\s*[=<>]"
)
_HOLE = re.compile(
    r"\b(?:the|a|an) (?:is|are|was|were|of|and|by|to|that|which|where|from|than|or|can|will|has)\b|\b(?:of|between"
    r"|equals|with|from|where) (?:is|are|was|and|of|by|or)\b|\bwhere (?:is|are)\b (?:the|a|an|in|equal)\b"
    r"|\b(\w+) \1\b(?<!that that)(?<!had had)|[,;] ?[,;.]|\bby \.|\bthe [,.;](?=\s|$)|\([,;]"
)
_NAVIGATION = re.compile(
    r"skip to|cookies? (?:policy|settings|on this|to)|all rights reserved|copyright|©|subscribe|log ?in to"
    r"|\bsign (?:in|up)\b|terms of (?:use|service)|last (?:updated|modified|edited)|retrieved (?:on|from|\d)"
    r"|share this|privacy policy|table of contents|back to top|learning (?:objectives|outcomes)|photo(?:graph)? by"
    r"|(?:image|photo) credit|isbn|doi:|creative commons|licen[sc]ed under|this work is|newsletter|edit this page"
    r"|view source|press release|posted (?:on|by)|filed under|read the full|et seq|by the end of|answers? (?:will"
    r"|may) vary|e-?mail (?:us|me)|openstax|page \d+|\bpp?\. ?\d|\bibid\b|op\. ?cit"
    r"|(?:source code|documentation|examples?|details|information)\b[^.]* can be found (?:in|at|on|under)\b",
    re.I,
)
_SIGNATURE = re.compile(
    r"\b[A-Za-z_][\w.]*\([^()]*[=,*\[\]'\"][^()]*\)|\b[A-Za-z_][\w.]*\[[^\]]*\]|\bdef \w+\(|\bclass \w+\(|\w+=\w+"
    r"|\bimport \w+$|^\w+\([^)]*\)\s*$"
)
_LOCAL_NAME = re.compile(
    r"(?<![\w.])[a-z][a-z0-9]*_[a-z0-9_]+(?![\w.(])|(?<![\w.])[a-z][a-z0-9]*_[a-z0-9_]+\.(?=\s|$)"
)  # a parameter, as a rule
_MEN = re.compile(r"\b(?:he|she|him|his|her|hers|himself|herself)\b", re.I)
_PEOPLE = re.compile(
    r"\b(?:person|man|woman|child|boy|girl|king|queen|president|author|mother|father|husband|wife|son|daughter"
    r"|individual|someone|somebody|anyone|everyone|infant|baby|male|female|student|citizen|patient|client|worker"
    r"|farmer|teacher|officer|lawyer|writer|painter|poet|owner|buyer|seller|consumer|player|leader|manager|driver"
    r"|user|doctor|actor|emperor|governor|senator|mayor|editor|doctor|investor|inventor|[a-z]{3,}(?:ist|ian))\b"
)
_LEADING_PHRASE = re.compile(
    r"(?:Without|In|For|With|During|At|On|By|Often|From|Within|Under|Through|Despite|Like|Unlike|According to|Over"
    r"|Across|Outside|Inside|Prior to|To|Until|By the|After|Before|Throughout|Because of|Due to|Instead of"
    r"|Historically|Traditionally|Typically|Usually|Generally|Sometimes|Today|Currently|Recently)\b(?:(?! (?:is|are"
    r"|was|were|has|have|had|can|will|do|does|did) )[^,]){0,60}(?:, (?:its|their)|,? (?:it|they|he|she))\b"
)
# a first name alone belongs to a story told before
_FIRST_NAME = re.compile(
    r"(?<![A-Z][a-z] )(?<![A-Z]\. )(?<![A-Z][a-z]{2} )(?<![A-Z][a-z]{3} )(?<![A-Z][a-z]{4} )(?<![A-Z][a-z]{5} )(?<!"
    r"[A-Z][a-z]{6} )\b(?:Adam|Alex|Alice|Amanda|Amy|Andrea|Andrew|Angela|Anna|Anne|Annie|Ben|Beth|Bill|Bob|Brandon"
    r"|Brian|Carl|Carla|Carlos|Carol|Caroline|Charlie|Chris|Christina|Cindy|Dan|Daniel|Dave|David|Dawn|Diane|Diego"
    r"|Donna|Doug|Elena|Emily|Emma|Eric|Erin|Eva|Frank|Fred|Gary|George|Greg|Hannah|Harry|Heather|Helen|Jack|Jake"
    r"|James|Jamal|Jane|Janet|Jason|Jeff|Jen|Jennifer|Jenny|Jessica|Jill|Jim|Joan|Joe|John|Jose|José|Josh|Juan"
    r"|Juanita|Julia|Julie|Karen|Kate|Kathy|Katie|Kelly|Kevin|Kim|Kristen|Kyle|Laura|Lauren|Leo|Linda|Lisa|Luis"
    r"|Lucy|Luke|Maria|María|Marie|Mark|Martha|Martin|Mary|Matt|Max|Megan|Mel|Melissa|Mia|Michael|Michelle|Miguel"
    r"|Mike|Mindy|Molly|Nancy|Nathan|Nick|Nicole|Oscar|Pam|Patricia|Patrick|Paul|Peter|Phil|Rachel|Ralph|Rebecca"
    r"|Richard|Rita|Rob|Robert|Roger|Rosa|Ruth|Ryan|Sally|Sam|Samantha|Sandra|Sara|Sarah|Scott|Sean|Sharon|Sophia"
    r"|Stephanie|Steve|Sue|Susan|Tamara|Tanya|Ted|Tim|Tina|Todd|Tom|Tony|Tracy|Tyler|Vanessa|Victor|Wendy|Yolanda"
    r"|Zach)(?:[’']s)?\b(?![-.]| [A-Z]| (?:I|the|of|de|von|van)\b)(?! (?:Act|and [A-Z][a-z]+ [A-Z]))"
)
_PAIR = {")": "(", "]": "[", "}": "{", "”": "“"}
_WORD = re.compile(r"[A-Za-z][\w’'.-]*")


_LABEL = re.compile(
    r"(?:[A-Z][\w-]*|\d+)(?: (?:[A-Z][\w-]*|of|in|and|the|for|to|with|on|a|an|or|by)){0,7}: [A-Z]"
    r"|[A-Z]\w+ing [^:.]{0,40}: [A-Z]"
)
_GLUED = re.compile(r"[a-z]{2}\)?(?<!\betc)(?<!\bvs)(?<!\bal)(?<!\bcf)(?<!\bca)(?<!approx)\. [a-z]")


def _balance(s: str) -> bool:
    stack: list[str] = []
    for ch in s:
        if ch in "([{“":
            stack.append(ch)
        elif ch in _PAIR and (not stack or stack.pop() != _PAIR[ch]):
            return False
    return not stack and s.count('"') % 2 == 0


def _shape(s: str) -> str:
    words = s.split()
    if s.endswith(":"):
        return "ends in a colon"
    if re.search(r"\?[\"”’')\]]*$", s):
        return "question"
    if not re.search(r"[.][\"”’')\]]*$", s) or s.endswith(("...", "etc.)", "e.g.", "i.e.", "vs.")):
        return "no full stop"
    if len(words) < 5:
        return "under 5 words"
    if len(words) > 60:
        return "over 60 words"
    if not _balance(s):
        return "unbalanced brackets or quotes"
    if not re.match(r"[A-Z0-9\"“‘'(]|[a-z]\w*(?:\.\w|\()|[a-z]+[A-Z]", s):
        return "starts in lower case"
    if s[0] in "\"“‘'" and not re.match(r"[\"“‘'][^\"”’']{1,40}[\"”’'] ", s):
        return "quotation"
    if s[0] == "(" or re.match(r"\(?(?:\d{1,2}|[a-zA-Z])[.)] ", s):
        return "list fragment"
    if _LABEL.match(s):
        return "opens with a label"
    if _GLUED.search(s):
        return "two sentences run together"
    if re.search(r"[a-z]{2}\? |[a-z]{2}[!?][\"”]? [A-Z]|!$", s):
        return "question"
    return ""


def _symbols(s: str) -> str:
    if _MARKUP.search(s):
        return "leftover markup"
    if _SIGNATURE.search(s):
        return "code"
    if _MATHS.search(s):
        return "formula"
    if _HOLE.search(s):
        return "something was cut out of it"
    letters = sum(ch.isalpha() or ch == " " for ch in s)
    figures = sum(ch.isdigit() or ch in ".,%-–—'’“”\"$()_/;:" for ch in s)
    if letters < 0.7 * len(s) or letters + figures < 0.95 * len(s):
        return "mostly symbols"
    capitals = sum(ch.isupper() for ch in s)
    if capitals > 0.35 * len(s):
        return "all capitals"
    if _LOCAL_NAME.search(s):
        return "a name of its function"
    words = _WORD.findall(s)
    codeish = sum(bool(re.search(r"[a-z][A-Z]|_|\w\.\w|\d[a-z]", w)) for w in words)
    if codeish > 0.4 * len(words):
        return "mostly code names"
    if sum(ch.isalpha() and not ch.isascii() for ch in s) > 0.12 * len(s):
        return "not English"
    common = sum(w.lower().rstrip(".") in FUNCTION for w in words)
    if common < max(1, 0.13 * len(words) if len(words) > 12 else 1):
        return "not English prose"
    return ""


def _context(s: str) -> str:
    if _CONNECTIVES.match(s):
        return "opens with a connective"
    if _DEICTIC_START.match(s):
        return "opens with an unresolved reference"
    if _IMPLIED.match(s):
        return "its subject is implied"
    if _CROSS.search(s):
        return "points elsewhere in the page"
    if _PERSON.search(s):
        return "speaks to the reader"
    if _BARE_THING.match(s):
        return "its subject is named elsewhere"
    if _SMALL_CONNECT.search(s) or _ALSO.search(s):
        return "hangs on the sentence before it"
    if (
        _LATTER.search(s)
        or _TIME.search(s)
        or any((m[1] or m[2])[:6] not in s[: m.start()].lower() for m in _THAT.finditer(s))
    ):
        return "points to something named before"
    if _COMPARES.search(s):
        return "compares with something named before"
    return ""


# "Utilities to run programs", "An object that can be used to wait": a thing is named and nothing said of it.
_NAMED_ONLY = re.compile(
    r"(?:(?:An?|The|Any) (?:[\w.()-]+ ){1,5}(?:that|which) (?:can|may) be used to|[A-Z][a-z]+s to [a-z]+) "
)
_FINITE = re.compile(r"\b(?:is|are|was|were|has|have|had|does|do|did|will|would|must|should)\b")
# "An instance of Handle is returned": by what, the reference page says elsewhere.
_RETURNED = re.compile(
    r"(?:An?|The|Any) [^,;]{0,60}\b(?:is|are|will be) (?:returned|raised|ignored|used)(?:\.|,| which| that|$)"
)

# "The hippocampus is usually affected": by what, the sentence before says.
_BEFALLEN = re.compile(
    r"The (?:[\w-]+ ){1,2}(?:is|are|was|were) (?:\w+ly |often |sometimes |also )?"
    r"(?:affected|afflicted|damaged|impaired|involved|spared|targeted)\.?$"
)

# Reference pages: "If aw is a coroutine", "The deadline is a float" speak of parameters, whose function is named above.
_PARAMETER = re.compile(
    r"(?:If|When) (?!it|one|he|she|you|we|all|any|air|ice|gas|oil)[a-z]{1,3} (?:is|are)\b"
    r"|The \w+ (?:is|must be) an? (?:float|int|integer|string|bool|boolean|list|tuple|dict|callable)\b"
)
# "The star now has", "When stars finally form", "the new equilibrium wage": after what was told before.
_THEN_NOW = re.compile(
    r"The \w+ (?:now|then) \w+|When (?:the )?\w+ finally\b|.*\bthe new (?:\w+ )?(?:wage|price|rate|level)\b"
)
# "Cynthia, a psychologist, recalls": somebody of an example, without a last name.
_SOMEBODY = re.compile(
    r"[A-Z][a-z]+, an? [a-z-]+(?: [a-z-]+)?, (?:recall|remember|notice|feel|felt|think|work|tell|told)"
)


_ELSEWHERE = {
    _PARAMETER: "a parameter named elsewhere",
    _THEN_NOW: "goes on from what was said before",
    _SOMEBODY: "a person named elsewhere",
    _BEFALLEN: "by what is said elsewhere",
    _RETURNED: "its subject is implied",
}


def _fragment(s: str) -> str:
    if _NAMED_ONLY.match(s) and not _FINITE.search(s):
        return "no verb"
    return next((reason for pattern, reason in _ELSEWHERE.items() if pattern.match(s)), "")


def _imperative(s: str) -> str:
    words = s.split()
    first = words[0].rstrip(",")
    second = words[1].rstrip(",.").lower()
    if _PLAIN_IMPERATIVE.match(s):
        return "imperative"
    stems = [first]
    if first.endswith("s"):
        stems += [first[:-1], first[:-2] if first.endswith("es") else first[:-1]]
    if first.endswith("ies"):
        stems.append(first[:-3] + "y")
    if first.endswith("ly") and _VERB.match(words[1]) and words[1].islower():
        return "imperative"
    then = _THEN.match(s)
    if then and _VERB.match(then.group(1)) and then.group(2).lower() in OBJECT_START:
        return "imperative"
    if _THEN_DO.search(s):
        return "imperative"
    code_next = not second.isalpha() or bool(re.match(r"[A-Z]\w*[A-Z]|True|False|None|zero", words[1]))
    if any(_VERB.match(x) for x in stems) and (second in OBJECT_START or code_next):
        return "imperative" if first == stems[0] and not first.endswith("s") else "its subject is implied"
    return ""


def _pronouns(s: str) -> str:
    """A pronoun with nothing before it that it could stand for."""
    tokens = _WORD.findall(s)
    if len(tokens) > 1 and tokens[0].endswith("ing") and tokens[1].lower() in PRONOUNS:
        return "pronoun without its noun"
    for token in tokens[:8]:
        low = token.lower().rstrip(".")
        if low in PRONOUNS:
            return "pronoun without its noun"
        if low not in FUNCTION and not low.endswith("ly"):
            break
    for match in _INNER.finditer(s):
        before = s[: match.start()]
        if len(before.split()) < 6 or not _NEW_CLAUSE.search(before):
            return "refers to something named before"
    match2 = _MEN.search(s)
    if match2:
        before = s[: match2.start()]
        names = [w for w in _WORD.findall(before) if len(w) > 2 and w[0].isupper() and w.lower() not in FUNCTION]
        if not names and not _PEOPLE.search(before):
            return "pronoun without its noun"
    if _FIRST_NAME.search(s):
        return "a person named elsewhere"
    if _LEADING_PHRASE.match(s):
        return "pronoun without its noun"
    it = re.search(r"\b(?:it|they|them)\b", s)
    if it and not any(w.lower() not in FUNCTION and len(w) > 2 for w in _WORD.findall(s[: it.start()])):
        return "pronoun without its noun"
    if "respectively" in s and len(re.findall(r"\band\b", s)) < 2:
        return "dangling respectively"
    return ""


def _verbless(s: str) -> str:
    """No finite verb in the main clause, as far as the surface shows.

    Each subordinating word takes the next verb; the sentence needs one more. A
    long sentence passes with any verb before its first subordinate clause: there
    a strict count loses more whole sentences than it stops fragments.
    """
    words = [w.rstrip(".").replace("’", "'") for w in _WORD.findall(s)]
    owed = 0
    relative = False  # a subordinate clause began: from here on the strict count decides
    chain = False  # inside "has been read": no new verb
    for i, word in enumerate(words):
        low = word.lower()
        before = words[i - 1].lower() if i else ""
        after = words[i + 1].lower() if i + 1 < len(words) else ""
        known = low in AUX or low in PLAIN_VERBS or low in KNOWN_VERBS
        if i > 1 and len(words) >= 12 and known and not relative and before != "to" and words[1].lower() != "to":
            return ""
        if before in ADVERBS and i > 1:
            before = words[i - 2].lower()
        if low in RELATIVE:
            owed, chain, relative = 1, False, True
            continue
        if low in ADVERBS or low.endswith("ly"):
            continue
        if i == 0 or not _is_verb(word, low, before, after):
            chain = False
            continue
        if chain:
            continue
        chain = low in AUX or low.endswith("n't")
        if not owed:
            return ""
        owed = 0
    return "no verb"


_NOT_VERB_AFTER = ("able", "ible", "ful", "ous", "less")


def _is_verb(word: str, low: str, before: str, after: str) -> bool:
    if low in AUX or low.endswith("n't") or low in ("they're", "there's", "it's"):
        return before != "to" or low not in ("be", "have", "do")
    if before in NOUN_FOLLOWS:
        return False
    if low in IRREGULAR or (low.endswith("ed") and "-" not in low):
        return before in AUX or after not in PARTICIPLE_FOLLOWS
    if re.fullmatch(r"[a-z]+[^su\W]s|[a-z]+[^s]es", word):
        return not before.endswith(_NOT_VERB_AFTER) and any(
            x in KNOWN_VERBS or _VERB.match(x) for x in (low[:-1], low[:-2], low[:-3] + "y")
        )
    if word != low or not (low in KNOWN_VERBS or _VERB.match(low)):
        return False
    return before.endswith(("s", "ly")) or before in PLURAL or (low in PLAIN_VERBS and before not in FUNCTION)


_RULES: tuple[Callable[[str], str], ...] = (_shape, _symbols, _context, _fragment, _imperative, _pronouns, _verbless)


def standalone(sentence: str) -> str:
    """ "" where the sentence stands alone, else why not (a few plain words)."""
    s = sentence.strip()
    if not s:
        return "empty"
    for rule in _RULES:
        reason = rule(s)
        if reason:
            return reason
    if _NAVIGATION.search(s):
        return "navigation"
    return ""
