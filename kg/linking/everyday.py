"""Everyday English words: a page that is spelt like one is not named by lower-case text that holds it.

Written by hand: verbs, of which all forms count, and other words, of which the plural counts.
"""

_VERBS = """
accept achieve add admit affect agree allow announce answer appear apply appoint approach argue arrange arrest arrive
ask assign assist associate assume attack attempt attend avoid award base bear beat become begin believe belong bite
blow bomb borrow break breed bring broadcast build burn bury buy call cancel capture care carry catch cause celebrate
change charge check choose claim clean climb close coach collapse collect come commit compare compete complain complete
compose conduct connect consider consist construct contain continue contribute control convert cook cost cover crash
create cross cut damage dance deal decide declare defeat defend define deliver demolish depend describe design destroy
determine develop die differ direct discover discuss dissolve distribute divide draw dream dress drink drive drop earn
eat edit elect employ enable encourage end enjoy enter escape establish examine exist expect explain explore express
extend face fail fall feature feel fight fill find finish fit fix flow fly follow force form found free freeze gain
gather generate give go govern graduate grow guide hang happen hate head hear help hide hire hit hold hope host hunt
hurt identify illustrate imagine import improve include increase influence inform inhabit inherit inspire instruct
intend introduce invade invent invest invite involve join judge jump keep kick kill know land last laugh launch lay
lead learn leave lend let lie lift like link list listen live locate look lose love make manage manufacture mark marry
match matter mean measure meet mention merge mine miss mix move murder name narrate need note notice obtain occupy
occur offer open operate oppose order organise organize originate owe own paint participate pass pay perform persuade
photograph pick plan plant play please point possess practice predict prefer prepare present preside prevent print
produce promise promote pronounce propose protect prove provide publish pull purchase push put race raise rank reach
read realize receive recognize recommend record reduce refer reflect refuse regard reign reject relate release remain
remember remove rename render replace report represent require rescue research reside resign resolve respect respond
rest result retire return reveal ride ring rise rule run sail save say score search see seem select sell send separate
serve set settle shake share shine shoot show sing sink sit sleep smell smile sound speak specialise specialize spell
spend spread stage stand star start starve state stay steal stop store strike study succeed suffer suggest suit supply
support suppose surround survive suspect swim take talk taste teach tell tend test thank think throw touch tour train
transfer translate travel treat try turn understand unite use value vary view visit vote wait wake walk want warn wash
waste watch wear win wish wonder work worry worship write
"""
_IRREGULAR_FORMS = """
arose ate became been began begun bitten blew blown bore borne bought bound bred broke broken brought built burnt came
caught chose chosen dealt did done drank drawn drew driven drove drunk eaten fallen fed fell felt flew flown forgot
forgotten fought froze frozen gave given gone got grew grown heard held hid hidden hung kept knew known laid lain led
left lent lost lying made meant met paid ran rang ridden risen rode rose rung said sang sank sat saw seen sent shaken
shone shot shown shrank shut slept sold sought spent spoke spoken sprang stole stolen stood struck sung sunk swam swept
swum taken taught thought threw thrown told took tore torn understood went woke won wore worn wound written wrote
"""
_OTHERS = """
ability able access accident account act action active activity actor actress address administration adult adventure
advice afraid afternoon age agency agent aim air airport album alive alone alphabet amount ancient angry animal anime
annual anybody anyone anything anywhere apartment appearance area arm army art article artist association attention
attraction attribute aunt author autumn available average aware baby background backward bad bag balance ball band bank
bar barrel basic basis basketball battle beach beautiful bed beer behavior behaviour benefit best better big biggest
bill biography bird birth birthday birthplace black blood blue board boat body bone book border born boss bottle bottom
box boy branch brand bread breakfast bridge bright brilliant broad brother brown budget bus business cabinet camera
camp campaign cancer candidate capital car card career cartoon case cast cat category celebrity cell cent center
central centre century ceremony certain chair champion chance character characteristic cheap chemical chief child
children choice christian church cinematographer cinematography circle citizen citizenship city civil class classic
clear climate clock clothes clothing cloud club coal coast code coin cold collection college color colour columnist
comedian comedy comic commander comment commercial common communication community company comparison competition
competitor complex composer compound computer concept concert condition conference conflict connection constellation
constituency contact content contest continent contract corner correct costume council country county couple course
court cousin coverage creator credit crew crime criminal critic critical crop crowd culture cup currency current
customer daily danger dangerous dark data database date daughter day dead dear death decade decision deep deepest
defence defense definition degree demand denomination density dentist department depth description designer destination
detail developer device diameter diet difference different difficult digital dinner diplomat direction director
discipline disease dish distance distant district division doctor dog doubt drama driver drug duration duty ear early
earth east easy economic economy edge edition editor education effect effort eight election electric element elevation
emergency emperor empire employee enemy energy engine engineer entire entrance environment episode equal equipment
ethnic ethnicity evening event everybody everyone everything everywhere evidence evil exact example excellent executive
exercise exhibition existence expensive experience expert eye fact factor factory fair faith false fame familiar family
famous fan farm farmer farther fast fastest fat father favorite favourite fear federal fee female festival few fiction
field fifth figure file film final financial fire firm first fish five flag flight floor flower focus folk food foot
football foreign forest formal format former foundation founder fourth fresh friend front fruit fuel full fun function
fund funny furniture further future game gas gate gay gender general generation genre giant gift girl glass global goal
god gold golden good government governor grade grand grandchild grandfather grandmother grass great greatest green
ground group growth guard guest guitar guitarist gun hair half hall hand happy hard hat health heart heat heaviest
heavy height hero heroine high highest hill historic historical history hobby hole holiday home horror horse hospital
hot hotel hour house huge human hundred husband ice idea identity illness image immediate impact important independence
independent individual industrial industry information ingredient inhabitant injury inside inspiration instance instead
institute instrument insurance intelligence interest interesting internal international internet invention inventor
investment investor iron island issue item jazz job joint joke journal journalist journey joy juice jury just key kid
kind king kingdom kitchen label labor labour lack lady lake landmark language large largest late latest latin latitude
law lawyer layer leader leaf league legal legend length less lesson letter level liberal library licence license life
light limit line liquid literary literature little loan local location logo long longest longitude loss lot loud low
lowest luck lunch lyricist lyrics machine magazine main mainly major maker male mammal man manager manufacturer map
march market marriage mascot mass master material math maximum mayor meal meat media medical medicine medium member
memory men mental menu message metal method middle mile military milk million mind minimum minister minor minute mirror
mission mistake mobile model modern moment monarch money month monument moon morning mostly mother motion motor motto
mountain mouse mouth movement movie multiple murderer muscle museum music musical musician mystery narrator narrow
nation national nationalities nationality native natural nature navy near nearby necessary neck negative neither nephew
nerve network new newspaper nice nickname niece night nine noble nobody noise none normal north northern nose notable
nothing novel novelist number nurse object occupation ocean office officer official oil old older oldest online opera
operation operator opinion opponent opposite option oral orange orbit ordinary organ organization origin original other
outside oven overall owner pack page pain painter pair palace paper parallel parent park parliament part particular
partner party past path patient pattern peace peak pen people perfect performer period permanent person personal pet
phase phone photo photographer phrase physical piano picture piece pilot pink pitch place plain plane planet plastic
platform player pleasant pleasure plot plural pocket poem poet poison police policy political politician poor pop
popular population port position positive possible pound power powerful practical predecessor presence presenter
president press pretty previous price primary prime prince principal prison private prize probable problem process
producer product profession professor profit program programme programming progress project property protein proud
province public publication publisher pupil purple purpose qualification quality quantity quarter queen question quick
quiet quite quote radio railway rain range rapid rapper rare rate ratio raw reader ready real reality reason receiver
recent recipe red region regular relation relationship relative relevant reliable religion remote replacement
representative reptile republic reputation request requirement residence resident resource response responsible
restaurant revenue revolution rich richest rid right risk river road rock role roof room root round route royal rude
rugby ruler runner rural sad safe salary sale salt same sand satellite satisfied scale scene schedule scheme school
science scientist screen screenplay screenwriter script sculptor sea season seat second secret secretary section sector
security self senator senior sense sentence sequel sequence series serious servant service session seven seventh sex
shape sharp sheet ship shoe shooter shop short shortest shoulder sibling sick side sight sign significant silent silver
similar simple singer single sister site situation six sixth size skill skin sky slave slow small smart smoke smooth
snow soap soccer social society sock soft software soil soldier solid solution somebody someone something somewhere son
song sort soul soundtrack source south southern space special species specific speed spirit spokesman sport spouse
spring square stadium staff standard statement station statistic statue status steel step stock stone storm story
straight strange stranger strategy stream street strength stress strong strongest structure struggle student studio
stuff stupid style subject subsidiary success successful successor such sudden sugar suitable suite sum summary summer
sun supper sure surface surgery surname surprise sweet symbol symptom system table tail talent tall taller tallest tape
target task tax tea teacher team teammate technology teenager telephone television temperature temple ten tenant tennis
tenth term terrible territory text theme theory therapy thick thin thing third thousand threat three throne ticket tie
tight time tiny tip tired title toll tone tool top topic total tourist tournament tower town toy track trade tradition
traditional tragedy trainer transport transportation trap treasure treatment treaty tree trial tribe trick trip trouble
truck true truth tune tv twenty twin type typical ugly unable uncle union unique unit universe university unknown
unusual upper urban usual vacation valley valuable variety various vast vegetable vehicle version victim victory video
village violence violent virus visible vision visitor vocal voice volcano volume wage wall war warm water wave way weak
wealth wealthy weapon weather website wedding week weight weird west western wet wheel white wide widow wife wild wind
window wine wing winner winter wire wise witness woman women wonderful wood wooden word worker world worst worth
wrestler writer wrong yard year yellow yesterday young youngest youth zone
"""


def forms(verb: str) -> set[str]:
    """The regular forms of a verb, and some that it does not have, which do no harm.

    >>> sorted(forms("carry"))
    ['carried', 'carries', 'carry', 'carrying']
    """
    stem, last = verb.removesuffix("e"), verb[-1]
    if last == "y" and verb[-2] not in "aeiou":
        return {verb, verb[:-1] + "ies", verb[:-1] + "ied", verb + "ing"}
    return {verb, verb + "s", verb + "es", stem + "ed", stem + "ing", verb + last + "ed", verb + last + "ing"}


EVERYDAY_WORDS = frozenset(
    [word for verb in _VERBS.split() for word in forms(verb)]
    + [form for word in _OTHERS.split() for form in (word, word + "s")]
    + _IRREGULAR_FORMS.split()
)
