"""What in a sentence points outside it: connectives, "this", "the latter", "Figure 3", "you".

Of such a sentence a reader asks: what? So it is kept for retrieval and not offered to a claim.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from dlm_core.english import THING, VERBS

_CONNECTIVES = re.compile(
    r"(?:However|Therefore|Thus|Hence|Also|Moreover|Furthermore|Additionally|For (?:example|instance|one,"
    r"|that matter|one thing|starters|comparison|(?:now|centuries|years|decades|a while|a moment),)|In (?:addition"
    r"(?! to (?!(?:being|the|their|its|his|her|this|that|these|those|them|it|what|all|any|such)\b)[^,;:]{2,60}, \w)"
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
    r"|an (?:example|illustration|alternative|aside|added|[a-z]+ example)|a [a-z, ]{0,30}example))\b|By (?:contrasts?"
    r"|comparison|then|now|doing|this|that|these)|On the (?:next|last|previous|second|third|other|one"
    r"|contrary|flip|same)|On top of|That is|Indeed"
    r"|Of (?:course|these|those|all|the (?:two|three|four|five|six|above))|After all|Again|Besides,|Except,|WHEREAS"
    r"|Rather(?! than)"
    r"|Meanwhile|Afterwards?|Subsequently|Specifically|Particularly|Namely|Notably|Importantly|Clearly|Obviously"
    r"|Fortunately|Unfortunately|Interestingly|Surprisingly|Luckily|Sadly|Curiously|Ironically|Hopefully|Naturally"
    r"|Basically|Essentially|Evidently|Apparently|Certainly|Now|Perhaps|Maybe|Well|Yes|No,|Sure|OK|Okay|To (?:begin"
    r"|summari[sz]e|sum|conclude|do (?:so|this|that|it)|be (?:clear|sure|fair|more)|illustrate|recap|this|that"
    r"|these|see|make matters|put it|say|understand (?:this|how|why|what)|complicate)|Overall|Even"
    r"|At (?:the (?:same|time|other|next|beginning of the)|first|this|that|these|last|some)|Once (?:again|this|that"
    r"|these)|Along (?:the|these|with (?:this|these))|More (?:importantly|specifically|recently|generally|broadly"
    r"|precisely|formally|often)|Most (?:importantly|notably)|Worse|Better|Together,|Alternatively|Equally"
    r"|Correspondingly|Reciprocally|Previously"
    r"|Simultaneously|Eventually|Later|Earlier|Initially|Soon|Until (?:then|now|recently)|Since then|From (?:there"
    r"|then|here|this|that|these|the above)|(?:(?:Shortly|Immediately) )?[Tt]hereafter"
    r"|Shortly (?:after,|afterwards?)|Thereby|Hereafter|Not (?:surprisingly|only (?:is|are|do|does"
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
_GIVEN = r"[^:;.]{0,90}: \w"  # what follows stands in the sentence itself, after a colon
# "Both men and women", "both the speed and the cost": whole as they are. "Both systems function and" is of systems that
# were named.
_PAIR = (
    r"Both (?!(?:of|are|is|were|was|have|has|can|will|may|do|these|those|its|their|his|her)\b)"
    r"(?:[^\W\d_][\w’'-]+|(?:the|an?) [\w’'-]+(?: [\w’'-]+)?|[\w’'-]*(?:[^\Ws]|[suio]s) [\w’'-]+) and "
    r"(?:[\w’'-]+ ){1,3}?(?!it\b)"
)
BOTH_OF_THEM = re.compile(_PAIR)
_DEICTIC_START = re.compile(
    r"(?:[A-Z]\w+ (?:\w+ ){0,2}of (?:it|them)\b"
    r"|This|That|These|Those|It|Its|They|Their|Theirs|Them|He|His|Him|She|Her|Hers|Such|(?!" + _PAIR + r")Both|Here"
    r"|Another|Others?"
    r"|Either|Neither|Each (?:of|one|is|has|was|can|will|may|such)|Some (?:of (?:these|those|them|the|its|their"
    r"|this)|are|were|have|do|other|such|say|may|might|will|would|can)"
    r"|Many (?:(?:[a-z]+ed|say|said|think|thought|believe|argue|felt"
    r"|feel|found) (?:that|to|it|they)\b|of (?:these|those|them|the|its|their"
    r"|this)|are|were|have|do|other|such|more)|Most (?:of (?:these|those|them|the|its|their|this|it)|are|were|have"
    r"|do|other|such)|Several (?:of|other|are|more|such)|A few (?:of|other|are)|Few (?:of|other|are)"
    r"|All (?:of (?:these|those|them|this|that|it)|these|those|this|that|are|were|have|other|three|four|but)"
    r"|Any (?:of|other|such)|None of|One (?:of (?:these|those|them|the (?:two|three|above"
    r"|most (?:common )?of these))|is|was|such|such|has|can|could|may|might|must|should|would|will|also|more|other"
    r"|final|last|additional|further|interesting|notable|thing|caveat|exception|answer|advantage is|disadvantage is"
    r"|(?:common |possible |simple |good |popular |important |notable )?(?:example|reason|way|approach|problem"
    r"|solution|option|method|difference|possibility|drawback|benefit|issue|theory|explanation|argument|effect"
    r"|consequence|outcome|sign|aspect|step|factor|sort|kind|use|result) (?:is|was"
    r"|would|might|could|may))|Two (?:of|such|other|more|are|were)|Three (?:of|such|other|more|are)"
    r"|Half of (?:these|those|them)|Much of (?:this|that|the|it)|Part of (?:this|that|the|it|these)"
    r"|More than (?:this|that)|Similar|The (?:second|third|fourth|fifth|sixth|next|other|others|latter|former|same"
    r"|previous|preceding|above|following(?!" + _GIVEN + r")"
    r"|aforementioned|remaining|rest|remainder|resulting|reverse|opposite|two"
    r"|three|four|five|last|final|current|corresponding|new(?! moon)|only|answer|idea|point|key|trick|catch|bottom line"
    r"|good news|bad news|upshot|result|results|effect|effects|difference|differences|more|less|better|first (?:is"
    r"|was|step|type|of|one|way|reason|example|option|approach|method|stage|phase|line|argument|parameter|thing"
    r"|case|part|two|three|category|group|element|component|kind|form|question|issue|point|study|experiment|row"
    r"|column|term|law|condition|set|word|number|value|sentence|paragraph|task|major|assumption|goal))"
    r"|An? (?:second|third|fourth|similar|related|further|final|additional|better|simpler|more|different|recent"
    r"|good example|common example|classic example|simple example|typical example|famous example"
    r"|(?:\w+ )?(?:example|alternative|exception|analogy|consequence|corollary) (?:is|are|was|would|might|of this"
    r"|of these|of such))|Arguments|Examples|Reasons|Exceptions|Options|Possible (?:values|options|reasons)"
    r"|Additional|Further|Later|Same|Likely|Common examples|Other|Again|Together they"
    r"|(?:Much|Far|Even|Still|An? (?:even|still)) (?:more|less|greater|higher|lower|larger|smaller|stronger|weaker"
    r"|bigger|faster|slower)\b(?!.*\bthan\b)"
    r"|(?:More|Less|Fewer|Greater"
    r"|Higher|Lower|Larger|Smaller|Stronger|Weaker|Bigger|Older|Younger|Newer|Better|Worse|Faster|Slower|Longer"
    r"|Shorter|Deeper|Wider|(?:Closer|Farther|Nearer)(?! (?:from|to)\b))\b(?!.*\bthan\b)"
    r"|The (?:larger|smaller|greater|bigger|higher|lower|older|younger|newer"
    r"|earlier|later|stronger|weaker|faster|slower|longer|shorter|simpler|easier|darker|lighter|heavier|richer"
    r"|poorer|left|right|top|bottom|middle|leftmost|rightmost|upper) (?!(?:the|house|class|classes|back|half|wing"
    r"|court|courts)\b)|There(?! (?:is|are|was|were|has|have|exist|exists|may|can|will|must|should)\b)|There (?:is"
    r"|are|was|were|has|have|may|can|will|must|should)\b[^.]{0,40}\b(?:other|another|also|additional|further|this"
    r"|these|such|more|no|(?:reasons|exceptions|ways)(?! " + _GIVEN + r")))\b"
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
    r"(?:is|are|was|were|has|have|had|can|could|will|would|shall|should|may|might|must|does|do|did|cannot|also|never|then|now"
    r"|itself|themselves|here|above|below|just|only|simply|usually|often|[a-z]+ed"
    r"|(?:" + "|".join(sorted(VERBS)) + r")e?s|goes|says|puts|found|made|took|gave|became|went|came|saw|said|told|began"
    r"|ran|kept|held|left|led)\b"
)
_BARE_THING = re.compile(
    r"(?:(?:If|When|Once|While|After|Before|Because|Since|Although|Until|Unless|As|Whenever|Where|In|On|For|With) "
    r"|(?:On|In|For|By|Under|At|With|Typically|Normally|Usually|Generally|Often)\b(?: [\w.-]+){0,4}, )?"
    r"(?:[Tt]he|[Ii]ts) (?:[a-z-]+ )?(?:" + "|".join(sorted(THING)) + r"),? " + _VERBISH
)
# "One gives positions of 120,000 stars": of what was told before.
_ONE = re.compile(r"One (?:\w+ly )?(?:does|gives|goes|has|says|" + "|".join(sorted(f"{v}e?s" for v in VERBS)) + r")\b")
# "To measure their distances requires a large baseline": whose? But "To reach its host, the virus ..." says it.
_WHOSE = re.compile(
    r"To [a-z]+ (?:its|their|his|her|them|it)\b[^,]*\b(?:is|are|was|were|requires?|takes?|took|means?|meant|needs?)\b"
)
# "About 20 percent or one liter enters the kidneys": of what?
_SHARE = re.compile(
    r"(?:(?:Approximately|About|Around|Nearly|Almost|Roughly|Some|Over|Under|Only|Just|Up to|At least|Fewer than|More"
    r" than|Less than) )?[\d.,–-]+ ?(?:percent|per cent|%) (?:or|" + _VERBISH[3:]
)
_CROSS = re.compile(
    r"\b(?:available|found|described|covered|discussed|explained|given) (?:in|on) (?:the|this|our) "
    r"(?:chapter|section|page|appendix|guide|tutorial)\b|"
    r"\b(?:is|are) (?:covered|discussed|explored) (?:further |in (?:more |greater )?detail )?in [A-Z][\w’'-]+ "
    r"(?:(?:and|of|the|in|on|for|to|an?) )*[A-Z]|"
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
    r"|figure|section|see|as|from|the|one|ones|described|two|all|steps?|links?) (?:above|below)\b"
    r"|\b[a-z]+ (?:above|below) (?:compares|depicts|describes|displays|gives|illustrates?|indicates?|lists?"
    r"|presents|shows?|summari[sz]es)\b|\b(?:above|below)(?:[,;:)]|\.$|[- ]mentioned)|\b[Tt]he (?:above|below)\b"
    r"|\bbelow (?:are|is)\b|\bthe aforementioned"
    r"|\baforementioned\b|\bas follows\b(?!: \w)|\bfollows?:(?! \w)"
    r"|\bthe following (?!year|day|month|week|morning|century|decade"
    r"|night|season|summer|winter|spring|fall|autumn|evening|election|generation)(?!" + _GIVEN + r")"
    r"|\b(?:[Tt]he following \w+|following) (?:class|example|code|command|(?:sub)?sections?|table|list|steps?|lines?)\b"
    r"|\(\s*(?:see|cf|e\.g\., see|left|right|top|bottom|center|a|b|c|d"
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
    r"|\b(?:object|objects|value|values|string|list|result) returned as (?:a|the) result\."
    r"|\b[Ii]n (?:the|what) follow(?:ing|s),"
    r"|\b(?:the|an?|this) (?:[a-z]+ )?[A-Z] (?:parameter|argument)s?\b"
    r"|\b(?:is|are) described in [A-Z][a-z]+(?:ing|s) (?!as\b|and\b)[a-z]"
    r"|\b[Tt]he (?:course|lecture|tutorial|workshop) (?:also |then )?(?:covers?|discusses|explains?|introduces|will)\b"
    r"|\b[Tt]he (?:chapters?|sections?|modules?|lessons?|units?) (?:on|about|titled|called)\b"
    r"|^As the (?:[\w’-]+ ){0,5}(?:cases?|data|examples?|experiences?|figures?|incidents?|passages?|quotations?"
    r"|quotes?|results?|stories|story|table) (?:above |below )?(?:demonstrates?|illustrates?|indicates?|makes?"
    r"|shows?|suggests?)\b"
    r"|\bdirection of the arrows?\b|\barrows? (?:indicate|mark|point|represent|show)s?\b"
)
_PERSON = re.compile(
    r"\b(?:[Ww]e|[Oo]ur|[Oo]urs|us|[Oo]urselves|[Yy]ou|[Yy]our|[Yy]ours|[Yy]ourself|[Yy]ourselves|[Ll]et[’']s|[Mm]y"
    r"|myself|[Mm]e)\b(?![.-]\w)|(?:^|[\"“(—]|, |\b(?:and|but|that|what|as|if|when|because|so|while|which|than"
    r"|where|who|think|how|after|before|until|since) )I(?:[’']\w+)? (?:[a-z])|\bI[’'](?:m|ve|d|ll)\b"
    # "World War I did", "type I is": no person speaks there.
    r"|[a-z\d)][’']?s? I (?:am|believe|do|find|have|know|prefer|recommend|suggest|think|will|would|wrote)\b"
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
    r"^(?!.*\bnot only\b)(?:[^\s;]+ ){0,14}?(?<!but )(?<!only )(?<!and )(?<!or )(?<!which )(?<!that )(?<!who )also "
    r"(?!known|called|termed|referred|named|written|spelled|abbreviated)|^[^;]{3,60}, there (?:is|are|was|were) also\b"
    r"|\bbut other [\w-]+ (?:are|can|could|had|has|have|may|were) also\b"
    r"|,? (?:too|as well|either)\.$|^(?:[^,;]{3,40}, )?(?:[^\s,;]+ ){0,7}?"
    r"(?:therefore|thus|hence|consequently|instead"
    r"|similarly|likewise|nevertheless|nonetheless|accordingly|otherwise)\b(?! of)"
)
_LATTER = re.compile(
    r"\bthe (?:brothers|sisters|couple|twins|duo|trio)\b(?! (?:of|who)\b)"
    r"|\b(?:is|are|was|were) another\b(?! name\b)"
    r"|\bthe (?:newer|older) (?:approach|interpretation|method|model|system|theory|version|view)\b(?! of\b)"
    r"|\banother (?:example|one|way|reason|type|kind|approach|instance|option|method"
    r"|such|aspect|cause|clue|factor|problem)\b|\bin (?:a|the) (?:similar|same)"
    r" (?:fashion|way|manner)\b(?! (?:as|that|to))|\bthe (?:latter|aforesaid)\b"
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
# "... are recycled into space by the explosion.": which one, was told before, and so was where "the outflowing matter"
# came from.
_EVENT = re.compile(
    r"\b(?:after|before|by|during|from|in|of|since|through) the (?:accident|attack|battle|bombing|collapse|collision"
    r"|crash|debate|decision|discovery|earthquake|election|episode|eruption|event|events|experiment|explosion|fire"
    r"|flood|impact|incident|merger|operation|outbreak|protest|riot|ruling|shooting|storm|strike|study|trial|verdict|war)[.,]"
    r"|\bthe new (?!moon|world\b|year)[a-z]+\b(?! (?:of|that|which)\b)"
    r"|\bthe (?!surrounding)[a-z]+ing (?:air|debris|dust|gas|gases|material|matter|particles|water)\b"
    r"(?! (?:from|in|of|that|which)\b)"
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
    r"|^An? (?:[\w-]+ ){1,3}follows?(?:,|\.$)"
    r"|\b(?:go|goes|went) (?:even )?further\b|\bsomething (?:even |much |far )?more\b(?!.* than\b)"
    r"|^The \w+[’']s (?:situation|case|turn|fate)\b"
    r"|\b(?:is|are|was|were) an? (?:similar|comparable|related) [\w-]+(?:\.$| that\b| which\b)"
    r"|^The (?:[\w-]+ ){1,8}is (?:about )?[–−-]?\d*\.\d+(?:\.$| \()"
    r"|^The (?:\w+ )?(?:advantage|benefit|catch|challenge|difficulty|disadvantage|downside|drawback|upside)"
    r" (?:is|was)\b"
    r"|\b(?:newer|older|better|simpler|modern) alternative\b(?! (?:to|for|of)\b)"
    r"|^The (?:leftover|remaining|resulting|other|same) \w+\b(?! (?:of|that|which|from|as)\b)"
    r"|\bbelonging to the \w+\b(?! of)"
    r"|\bin the (?:first|second|third|fourth) (?:set|list|group|case|example|step|part|half|argument|element|method"
    r"|approach|column|row)\b(?! of)|\b[Tt]he (?:code )?(?:block|snippet|listing|example|output) (?:with|above|below"
    r"|that)\b|^The (?:[\w-]+ ){1,5}(?:rises?|falls?|increases?|decreases?|grows?|drops?|shrinks?|changes?)\.$"
)


# "Skimming has four important advantages.": which, is said in what comes next.
_ANNOUNCES = re.compile(
    r"^(?:[\w’'-]+ ){0,7}(?:has|have|had"
    r"|[Tt]here (?:is|are|was|were)|offers?|includes?|involves?|serves?|takes?|plays?|uses?|requires?)"
    r" (?:two|three|four|five|six|seven|eight|nine|ten|several|a (?:number|variety|couple) of)"
    r" (?:[\w-]+ ){0,2}(?:advantages|approaches|aspects|benefits|categories|causes|characteristics|classes|components"
    r"|conditions|consequences|criteria|dimensions|disadvantages|drawbacks|effects|elements|examples|explanations|factors"
    r"|features|forms|functions|goals|groups|ideas|implications|issues|kinds|levels|limitations|methods|objectives"
    r"|options|parts|phases|points|principles|problems|properties|purposes|questions|reasons|roles|rules|stages|steps"
    r"|strategies|things|types|uses|ways)\.$|\b(?:has|have|had) a (?:two|three|four)fold \w+\.$"
    # "The stages of sleep will be identified, and sleep disorders will be described."
    r"|\bwill (?:also |first |then )?be (?:briefly |fully )?(?:described|discussed|explained|explored"
    r"|outlined|summari[sz]ed)\b"
)
# "Pod Q is running on another Node", "Firm A": of an example that was told before.
_LETTERED = re.compile(
    r"\b(?:[Cc]it(?:y|ies)|[Cc]ompan(?:y|ies)|[Cc]ontainer|[Cc]ountr(?:y|ies)|[Ff]irm|[Hh]ost|[Jj]ob|[Mm]achine|[Nn]ode"
    r"|[Pp]erson|[Pp]layer|[Pp]od|[Pp]rocess|[Ss]erver|[Ss]tudent|[Tt]hread|[Tt]ransaction|[Uu]ser|[Ww]orker)s?"
    r" [A-HJ-Z]\b(?![.’'-]\w| [A-Z])"
)


def _that_what(s: str) -> bool:
    """Whether a sentence says "that group" and names no group before."""
    return any((m[1] or m[2])[:6] not in s[: m.start()].lower() for m in _THAT.finditer(s))


_RULES: tuple[tuple[Callable[[str], object], str], ...] = (
    (_CONNECTIVES.match, "opens with a connective"),
    (_DEICTIC_START.match, "opens with an unresolved reference"),
    (_IMPLIED.match, "its subject is implied"),
    (_CROSS.search, "points elsewhere in the page"),
    (_PERSON.search, "speaks to the reader"),
    (_BARE_THING.match, "its subject is named elsewhere"),
    (_ONE.match, "opens with an unresolved reference"),
    (_WHOSE.match, "opens with an unresolved reference"),
    (_SHARE.match, "a share of something named elsewhere"),
    (_SMALL_CONNECT.search, "hangs on the sentence before it"),
    (_ALSO.search, "hangs on the sentence before it"),
    (_LATTER.search, "points to something named before"),
    (_TIME.search, "points to something named before"),
    (_EVENT.search, "points to something named before"),
    (_that_what, "points to something named before"),
    (_COMPARES.search, "compares with something named before"),
    (_ANNOUNCES.search, "announces what comes next"),
    (_LETTERED.search, "names something of an example"),
)


def points_outside(s: str) -> str:
    """ "" where a sentence points at nothing outside it, else how it does (a few plain words)."""
    return next((reason for found, reason in _RULES if found(s)), "")
