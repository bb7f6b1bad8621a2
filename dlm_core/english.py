"""Lists of English words that the rules of standalone.py and facts.py look at."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of a text that lists them."""
    return frozenset(text.split())


# words that begin a new sentence after an abbreviation or initial
STARTERS = word_set("""
    The A An In On At By For From With This That These Those It Its They He She We You I If When While As
    Although Though Because Since After Before However Therefore Thus But And So Or To Some Many Most All Each
    Every Both There Here What Why How Who Where Which Such Other Another One Two Under Over During Despite
    Unlike Like Also Then Not No Any Only
""")

# closed-class words and the like: none of them names a thing
FUNCTION = word_set("""
    a an the and or but nor so yet for of in on at by to from with without within into onto over under between
    among through during before after since until till about against around near as if when while where whereas
    although though because unless once whether than that which who whom whose what how why is are was were be
    been being am do does did done have has had having can could will would shall should may might must not no
    it its they them their he him his she her this these those such both each every all any some many much most
    more less few several other another one two three also only just even still already often usually always
    never sometimes there here then now up down out off very too
""")

# words that stand for something named before
PRONOUNS = word_set("""
    it its itself they them their theirs themselves he him his himself she her hers herself this these those
    such either neither both
""")

# finite auxiliaries and "be"
AUX = word_set("""
    is are was were be been am has have had do does did can could will would shall should may might must cannot
    isn't aren't wasn't weren't hasn't haven't hadn't don't doesn't didn't can't couldn't won't wouldn't
    shouldn't mustn't
""")

# base forms that open instructions and API documentation
VERBS = word_set("""
    accept access add adjust allow analy[sz]e apply append ask assign assume attach avoid be begin bind break
    bring build calculate call cancel change check choose clear click close collect combine compare compile
    complete compute configure connect consider construct contact contain continue control convert copy count
    create decide declare decode define delete describe design determine disable discuss display do don't
    download drag draw edit emit enable encode ensure enter estimate evaluate examine exclude execute exit
    explain explore express extend extract fill filter find fix focus follow force format generate get give go
    grab group handle help hide hold identify ignore imagine implement import include indicate initiali[sz]e
    insert inspect install invoke iterate join keep know launch learn leave let list listen load log look make
    manage map mark match measure merge modify mount move name navigate normalize note notice observe obtain
    open organi[sz]e override parse pass paste perform pick place plan play plot prepare press prevent print
    process produce provide pull push put raise read recall receive record redirect reduce refer register
    release reload remember remove rename render reorder repeat replace report represent request require reset
    resolve restart restore restrict retrieve return review rewrite round run save scan schedule scroll search
    see select send separate set share show sign simplify skip solve sort specify split start state stop store
    study submit subscribe substitute suggest suppose suppress switch take talk tell test think throw track
    transfer transform translate treat trigger try turn type uncheck understand undo experience consult interact
    supply adhere suspend protect improve promote maintain attract differ constitute lack summarize rely occur
    exist remain contribute live belong vary range consist depend stem serve reflect reveal seem appear become
    tend involve affect cause lead own operate possess suffer want need like love believe argue expect face fall
    rise grow lie stay happen function govern influence vote pay sell buy trade invest compete cooperate emerge
    evolve reproduce absorb orbit rotate shine uninstall unregister unset update upload use validate verify view
    visit wait walk warn watch work wrap write yield correct multiply order subtract
""")

# nouns that, after a bare "the", are known only from the text before
THING = word_set("""
    callable msg count frames frame barrier action address algorithm amount answer api app application approach
    argument arguments article attribute author authors behavior behaviour block book body bug button call
    callback caller case category chapter character chart child claim class client code column command committee
    company component concept condition configuration connection constructor container content context contract
    coroutine country court data database decision default definition descriptor device diagram dialog
    dictionary directory document documentation drug effort element entry equation error event example exception
    experiment expression feature field figure file filter findings first flag following form format formula
    framework function goal graph group handler header hook idea image implementation index input instance
    instruction interface issue item iterator job key keyword kit label language law layer lesson library line
    link list lock log loop man map mapping marker mask master mechanism message method mode model module move movement
    name namespace node notation number object objective one operation operator option options original outcome
    output owner package page pair paper parameter parameters parent parser participants participant path
    patient pattern phase plan plot plugin point policy position principle problem procedure process program
    programme project proof property proposal protocol purpose queryset query question questions queue reader
    reason reasons record reference region registry relation report request requirement research researcher
    researchers resource response rest result results return role root routine rule sample scale scenario schema
    scheme scope script section selection sequence server service session set setting settings setup shell side
    signal signature site situation size solution sort source specification stage state statement states status
    step steps story strategy stream string student students studies study style subclass sum survey switch
    syntax system table target task team template term test text theory thread timeout title token tool topic
    total transaction treatment tree trial trick tuple tutorial type types unit user users utility value values
    variable variables version victim view warning way widget window woman word words work worker workflow
    wrapper writer
""")

# what follows a verb when a sentence opens with it
OBJECT_START = word_set("""
    a an the this that these those your our its their his her my all any each every both some no one two it them
    him us me if whether how what which where when why true false none out up down into sure only more as to
    with new on whatever and or either another information additional multiple several specific given
""")

# past forms that do not end in -ed
IRREGULAR = word_set("""
    made took gave became went came saw said told began ran kept held left led found built grew knew wrote spoke
    rose fell felt sent spent lost meant met paid put read set shot sold stood taught thought threw understood
    won cut let brought bought caught chose drew drove ate fought flew forgot got hid hit hurt laid lay lent lit
    rode sang sat shook slept swam wore
""")

# adverbs that may stand between subject and verb
ADVERBS = word_set("""
    always also often usually never then simply only generally still already even just rarely sometimes not
""")

# words that open a subordinate clause
RELATIVE = word_set("that which who whose whom where when if while because what how")

# after these comes no finite verb
NOUN_FOLLOWS = word_set("""
    a an the of to its their his her this these for with by in on at from any all some no each every and or being
""")

# after these a form in -ed is a participle, as a rule
PARTICIPLE_FOLLOWS = word_set("to by with for as from when using on in into inside within outside between")

# subjects of a base form that do not end in -s
PLURAL = word_set("people children men women data they we you i media bacteria police species who that which")

# past tenses that are no participles, or hardly ever: before a preposition, too, they are what a sentence says
PAST = word_set("""
    ate awoke became began blew broke came chose drank drew drove fell flew forgot froze gave grew hid knew rang rode
    rose sang sank shook spoke sprang stole swam swore threw took tore went woke wore wrote
    amounted appeared arrived belonged boomed ceased clashed coincided collapsed collided complied consisted continued
    contributed corresponded culminated debuted depended differed died diverged dwelt elapsed emerged emigrated endured
    ensued erupted evolved existed fled flourished fluctuated happened hesitated immigrated insisted interacted lapsed
    lasted lived marched migrated mutinied occurred originated participated perished persisted pertained proliferated
    raged rebelled relied remained resided responded retreated revolved rushed sailed slept stemmed strayed struggled
    succumbed survived thrived toiled travelled traveled tumbled vanished wandered
""")
# the same before "to", and in "served as"
PAST_TO = word_set("""
    agreed aimed appealed aspired attempted decided endeavored endeavoured failed hoped led lent listened managed
    moved objected pledged promised refused retired returned seemed sought strove subscribed succeeded tended threatened
    tried turned wanted wished
""")
PAST_AS = word_set("acted doubled ended functioned served started worked")

# verbs that are no nouns: a sentence that begins with one and an object is an order
ONLY_VERBS = word_set("""
    abbreviate abstain accentuate accommodate accrue adhere adjoin administer admit aggravate alleviate allocate
    amplify appease append apply appoint appreciate apprehend arouse ascend ascribe aspire assemble assert
    assimilate assure astonish attain attest augment authenticate authorize automate await banish belie bestow
    bombard broaden catalyze categorize cease certify characterize circumvent cite clarify classify coagulate
    coerce cohere commemorate commence compel compensate complicate comply compress conceal concede conceive
    condemn condense confer confine confirm conform confront congregate connote conquer constrain constrict
    contend contextualize contradict converge cooperate coordinate corrode culminate curtail deactivate
    decentralize decompose deduce deepen defer delineate demarcate democratize depict deplete deploy deprive
    designate destabilize destroy deteriorate devalue deviate devise devote diagnose dilate diminish disagree
    discern discourage disperse displace disprove disrupt disseminate dissipate dissuade diverge diversify
    donate educate effectuate eject elicit elucidate embark embed embody emigrate emulate enact encapsulate
    enclose endanger endorse enlarge enlighten enrich enroll entrench enumerate envision equip eradicate
    escalate eschew evoke exacerbate exaggerate excel exemplify exempt exonerate expedite expel expend explode
    extinguish extrapolate fabricate facilitate falsify fertilize finalize flee foresee formalize formulate
    fortify foster frustrate fulfill furnish generalize glorify grind halt hinder hydrolyze hypothesize idealize
    illuminate impair impede impel implicate incentivize incite incorporate induce industrialize infect
    infiltrate infringe ingest initialize inject innovate inquire insist instantiate instill insulate
    internalize intersect invalidate ionize iterate jeopardize justify juxtapose legalize legislate legitimize
    lessen leverage liberate localize loosen magnetize maximize mediate memorize metabolize minimize mislead
    mitigate mobilize modernize modulate motivate multiply narrate necessitate negate neglect neutralize
    nominate normalize nurture obscure obstruct ordain oust outnumber outweigh overcome overlook oversee
    overthrow overturn overwhelm paralyze parse perceive perforate perpetuate pertain plead popularize portray
    posit postpone prescribe prevail prioritize procure profess proliferate prolong propagate prophesy proscribe
    prosecute provoke quantify quell reaffirm realign reappear reassure reconcile reconstruct rectify redefine
    redistribute reevaluate refine refract refute reiterate relinquish reminisce renew renounce reorganize repay
    repress reproduce repudiate reside resonate restructure resurrect retract revert revise revitalize revoke
    safeguard scrutinize secede segregate sever solicit solidify specialize speculate stabilize standardize
    stipulate streamline subdivide subjugate subscribe substantiate subvert succumb supervise supplant suppress
    sympathize synthesize tarnish terminate testify thicken thrive tighten tolerate topple transcend transpire
    truncate tumble undermine undertake unleash unveil uphold uproot usher vaccinate visualize weave withdraw
    withhold withstand
""")

# common verbs, to tell a sentence from a fragment
KNOWN_VERBS = (
    word_set("""
    absorb accelerate accept accompany accumulate achieve acquire act activate add address adjust adopt affect
    afford agree aid align allow almost alter alternate amount announce answer apologize appear approach argue
    arise arrange arrive ask assess assign assist assume attach attempt attend attract avoid award bear beat
    become begin behave believe belong bend benefit bind bite block bloom blow boil bond boost borrow bounce bow
    branch break breathe breed bring build burn burst buy calculate call cancel capture carry catch cause change
    charge check choose circulate claim climb coincide collapse collect collide combine come communicate compare
    compete compile complete comprise concern conclude conduct configure connect conserve consider
    consist constitute consult consume contain continue contribute control convert convey cool copy correspond
    cost count cover crash create criticize cross crystallize cure damage date deal decay decide declare decline
    decrease dedicate defend define deform degrade delete deliver demonstrate denote deny depend deposit derive
    descend describe deserve detect determine develop dictate differ diffuse digest dilute direct
    disable discharge discover discuss display dissolve distinguish divide dominate double drain draw drift
    drive drop duplicate earn eat elect elevate eliminate embrace emerge emit emphasize employ enable encode
    encompass encounter encourage end endure enforce engage enhance enjoy ensure entail enter erode erupt escape
    establish estimate evaluate evaporate evolve examine exceed exclude excrete execute exercise exert exhibit
    exist expand expect expire explain exploit explore expose express extend face fail fall favor feed feel
    ferment fight fill find fire fit fix flourish flow fluctuate focus fold follow forbid force forecast forget
    form found freeze fuel function fund fuse gain gather generate get give glow govern graze greet grow
    guarantee guide handle hang happen harm harvest haunt have hear heat help highlight hold hunt identify
    ignite ignore illustrate imagine implement imply import impose improve include increase incur indicate infer
    inflate influence inform inhabit inherit inhibit initiate insert inspect inspire install instruct integrate
    intend interact interfere interpret intervene introduce invade invent invest invoke involve irritate isolate
    issue join jump keep kill know label lack land lay lead learn leave lend let levy lie lift limit link list
    live load look loop lose lower lubricate magnify maintain make manage match measure meet melt merge migrate
    mimic mirror mix modify monitor move mutate narrow need negotiate note notice nourish obey object observe
    obtain occur offer open operate oppose orbit order organize originate oscillate outline overlap override owe
    oxidize pair participate pass pay penetrate perform permit persist persuade pick plan play pose possess
    postulate praise precede predict prefer prepare present preserve preside press presume prevent prey print
    proceed produce prohibit project promote prompt propel propose prosper protect prove provide
    publish pump punish purchase pursue push put qualify quote radiate raise range rank reach react read realize
    rebuild recall receive recognize record recover recruit recycle reduce refer reference reflect refuse
    regenerate register regulate reign reinforce reject relate release relieve rely remain remember remove
    render repair repeat repel replace replicate report represent request require resemble
    resist resolve respond rest restore restrict result retain retrieve return reveal review revolve reward
    ripen rise rotate rule run satisfy save say scatter schedule search secrete see seek seem seize select sell
    send separate serve settle shape share shed shift shine show shrink signal signify simplify sink sit skip
    sleep slide slow smell smooth solve span spark specify speed spend spin split spoil sponsor spread spring
    sprout squeeze stand start stay stem stimulate stir stop store strengthen stress stretch strike
    strive struggle study submit succeed suffer suggest summarize supply support surge surpass surround survive
    suspend sustain swallow sweep swell swim switch symbolize take talk teach tell test think throw
    tie trace track trade transcribe transform translate transmit transport trap travel traverse treat
    trigger try turn twist undergo understand unify unite update urge use utilize value vanish vary verify
    vibrate view violate visit vote wait want warn wash waste watch weaken wear weigh widen win wind wish
    witness work worsen wrap write yield
""")
    | ONLY_VERBS
)

# those of them that are hardly ever nouns
PLAIN_VERBS = word_set("""
    accept achieve acquire agree allow appear arise arrive avoid become begin believe belong bring carry choose
    come connect consider consist consume contain contribute create decide depend derive develop differ
    disappear discover emerge enable encourage ensure establish evolve exceed exhibit exist expect extend fail
    feel get give go grow happen have hold imply improve include indicate involve keep know learn lie live lose
    maintain make mean need obtain occur prefer prevent produce protect provide put reach receive reduce refer
    remain rely represent require seem send serve share show sit sleep suffer suggest support take teach tell
    tend think understand vary want weigh write
""")
