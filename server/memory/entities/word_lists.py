"""The words by which names are told from other words that are written with a capital letter, or without one."""

_COMMON_TEXT = """
    a about above across actually add after again against agree ah all allow almost alone along already also
    alternatively although always am among an and another any anybody anyone anything anyway apparently apply
    approve are around as ask assume at avoid away back backup based basically be because been before begin
    behind being below besides best better between beyond big both bought bring broken budget bug build but buy
    by call came can cannot careful cause caution change changed check choose clean clear clearly click close
    code collect come commit compare confirm consider contact continue convert copy could create current
    currently customer customers cut data date day days deal dear decide decided decision default define delete
    deploy deployment deployments describe design despite did disable discuss do document does doing done don't
    double down drop due during each early easy edit either else email enable end ensure enter error errors
    especially even eventually ever every everybody everyone everything everywhere example except expect explain
    export fact fail failed false family far feature feedback feel few file files fill final finally find finish
    first fix fixed follow following for forget format former fortunately found four friend from full further
    future general generally generate get give given go goal goes going good got great had half hand happy has
    have having he hello help hence her here hers hey hi high him his hold home honestly hope house how however
    i idea if ignore import important in include including increase indeed info input insert inside install
    instead interesting internal into is issue issues it its itself join just keep key kind know known lack last
    late later latest launch lead learn least leave left less lesson lessons let life like likely limit list
    listen little live load local log logs long look lots low lunch mail main maintain make manage many mark
    match may maybe me mean meanwhile measure meeting meetings member members memory mention merge message
    migrate migration mine minor miss mistake moment money month months more most mostly mother move moved much
    multiple must my myself name names near nearly need needs neither never new news next nice night no nobody
    none nor normally not note notes nothing notice now nowhere number obviously of off offer office often ok
    okay old on once one ones online only open option options or order orders other others otherwise our out
    output outside over overall own page paid part partly past pay people per perhaps person phone pick place
    plan please point policy possible possibly prefer prepare present press previously price print probably
    problem problems process production project projects promise provide pull push put query question questions
    quick quickly quite raise rather read ready really reason recall recently reduce refactor regarding release
    releases remember remind reminder remove rename repeat replace reply report request require required
    research reset resolve response restart result results return review right road rollback room rule rules run
    same save say school score search second section see seems select send sent server servers service session
    set several shall share she ship short should show similarly simply since six size skip small so software
    some somebody someone something sometimes somewhere soon sorry sort source staging standup start started
    state status stay step steps still stop store style such summary support sure switch system table take talk
    task tasks team tell ten test tested testing tests than thank thanks that the their theirs them then there
    therefore these they thing things think this those though three through thus time tip title to today
    together told tomorrow tonight too tool tools total track train treat true try turn two type under
    understand unfortunately unless until up update updated upgrade upon us use used user users usually valid
    value verify version very via view visit wait want warn warning was watch way we week weekly weeks welcome
    well went were what whatever when whenever where whereas wherever whether which while who whoever whole whom
    whose why will wish with within without won't word words work working works would write wrong year years yes
    yesterday yet you your yours yourself zero dinner breakfast kitchen garden dog cat car bus bike birthday
    wedding vacation holiday holidays flight flights hotel doctor dentist husband wife son daughter brother
    sister father grandmother grandfather uncle aunt neighbour neighbor boss colleague manager client clients
    company tech frontend backend database databases cache queue api apis schema endpoint endpoints pipeline
    pipelines password passwords token tokens secret secrets timeout retries retry latency throughput root admin
    invoice invoices contract contracts vendor supplier recipe coffee tea milk bread water salt sugar headline
    context action actions outcome owner author deadline agenda attendees participants background purpose scope
    risk risks blocker blockers todo wip draft chapter figure appendix ui ux url urls uri http https json yaml
    xml html css sql csv pdf cpu gpu ram rom ssd os db id ids uuid pr prs ci cd qa faq tbd fixme eta asap fyi
    imo pm utc gmt cet pst est ceo cto cfo coo hr sla slo sdk cli gui ide rest rpc crud orm dns tcp udp ip ssh
    tls ssl vpn jwt oauth sso saml mfa otp pin usb wifi lan wan nat cdn vm vms llm llms ai ml nlp rag mvp poc
    kpi okr roi b2b b2c saas tv dvd gps sms atm readme changelog license utf ascii ansi iso rfc sha md5 aes rsa
    hmac png jpg jpeg gif svg mp3 mp4 zip tar gz iot faqs kyc gdpr nda vat dst acl rbac ttl lru fifo mr mrs ms
    dr prof sir madam mum mom dad grandma grandpa god internet web bmi dna monday tuesday wednesday thursday
    friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays mon tue wed thu fri
    sat sun january february march april june july august september october november december jan feb mar apr
    jun jul aug sep sept oct nov dec christmas easter thanksgiving halloween ramadan spring summer autumn winter
    english german french spanish italian portuguese dutch russian chinese japanese korean arabic hebrew polish
    turkish swedish norwegian danish finnish greek hindi vietnamese thai czech hungarian american british
    european asian african indian canadian australian mexican brazilian swiss austrian irish scottish
    mediterranean catholic christian muslim jewish buddhist latin ethiopian ukrainian persian romanian bulgarian
    croatian serbian egyptian moroccan nigerian kenyan colombian peruvian argentinian malaysian indonesian
    taiwanese belgian cuban iranian israeli georgian armenian icelandic estonian latvian lithuanian scandinavian
    nordic celtic victorian gb mb kb tb ghz mhz kg km celsius fahrenheit legal finance marketing sales
    accounting procurement engineering operations ops
"""
#: Words that begin sentences. With a capital letter they are no names, wherever they stand.
COMMON = frozenset(_COMMON_TEXT.split())

#: Ends of words that begin sentences and are verbs or adverbs more often than names.
VERBAL_ENDS = ("ed", "ing", "ly", "ize", "ise", "ify", "tion", "ment", "ness", "able", "ful", "less", "ous", "ally")

_TITLES_TEXT = """
    mr mrs ms miss dr prof professor sir madam aunt uncle captain judge herr herrn frau monsieur madame mme
    señor señora signor signora mijnheer mevrouw pan pani
"""
#: Titles: the word behind one is a person's name.
TITLES = frozenset(_TITLES_TEXT.split())

_PERSONAL_VERBS_TEXT = """
    said says asked asks told tells wants wanted prefers preferred likes liked loves loved hates hated lives
    lived works worked thinks thought believes believed decided decides joined left moved owns owned reviewed
    reviews wrote writes suggested suggests agreed agrees complained complains mentioned mentions insists
    insisted remembers remembered knows knew promised promises married celebrates celebrated plays played speaks
    spoke studies studied teaches taught drives drove cooks cooked eats drinks drank visits visited bought reads
    enjoys enjoyed plans hopes hoped feels felt approved approves reported noticed confirmed explained explains
    maintains leads led manages managed paints painted graduated retired volunteers volunteered adopted attended
    attends called calls emailed texted invited turned got hired presented pointed found fixed built merged
    deployed signed broke went goes took gave gives met meets started stopped learned learnt
"""
#: What people do. A word with a capital letter that begins a sentence before one of these is a person's name.
PERSONAL_VERBS = frozenset(_PERSONAL_VERBS_TEXT.split())

_GIVEN_NAMES_TEXT = """
    aaron abdul abigail adam adrian agnes ahmed aisha alan albert alejandro alex alexander alexandra alexis
    alfred ali alice alicia alina allison amanda amelia amir amy ana anand anders andrea andreas andrew angela
    anita anja ann anna anne annika anthony antonio anya arjun arthur asha astrid audrey aya barbara beatrice
    ben benjamin bernard beth bianca bjorn bob boris brandon brenda brian bruno caleb calvin cameron camila carl
    carla carlos carmen carol caroline catherine cecilia charles charlotte chen chloe chris christian christina
    christine christopher claire clara claudia connor craig cynthia daniel daniela danny darren dave david
    deborah deepak denise dennis derek diana diego dmitri dominic donald dorothy douglas dylan eduardo edward
    elaine elena eleanor elias elif elijah elisa elizabeth ella ellen emily emma emre eric erica erik erika
    esther ethan eva evelyn farah fatima felix fernanda fernando fiona florian frances francesca francisco frank
    fred gabriel gabriela gareth gary george georgia gerald gina giovanni giulia gloria gordon greg gregory
    greta guido hannah hans harold harry hassan heather hector heidi helen helena henrik henry hiroshi hugo ian
    ibrahim igor ines ingrid irene iris isaac isabel isabella ivan jack jacob jake james jamie jan jana jane
    janet jason javier jean jeff jeffrey jen jenna jennifer jenny jeremy jerome jesse jessica jill jim joan
    joanna joe joel johan johanna john johnny jon jonas jonathan jordan jorge jose joseph josh joshua joyce juan
    judith judy julia julian julie justin kaito karen karim karin karl kate katherine kathleen katja kavya keiko
    keith kelly ken kenji kenneth kevin khalid kim kimberly klaus kurt kyle lara larry lars laura lauren leah
    lena leo leon leonard leila liam lily linda lisa liz lorenzo louis louise lucas lucia lucy luis lukas luna
    lydia magnus malik manuel marco marcus margaret maria mariam marie marina mario marion marissa mark marta
    martha martin mary mateo matt matteo matthew maurice max maya megan mei melanie melissa mia michael michelle
    miguel mike mila mina miriam mohamed mohammed molly monica monika morgan nadia nancy naomi natalie natasha
    nathan neha neil nicholas nick nicole nikhil nina noah nora olga oliver olivia omar oscar pablo pamela
    patricia patrick paul paula pedro peter petra philip phil philippe pierre piotr priya rachel rafael rahul
    raj rajesh ralph ramon raquel rebecca renata ricardo richard rita rob robert roberto robin roger rohan
    roland ron ronald rosa ross ruth ryan sabine sally sam samantha samir samuel sandra sanjay sara sarah scott
    sean sebastian sergei shannon sharon sheila shreya silvia simon sofia sonia sophia sophie stefan stella
    stephanie stephen steve steven sue sunil susan sven sylvia takeshi tamara tanya tara ted teresa terry theo
    theresa thomas tim timothy tina tobias todd tom tomas tommy tony tracy travis tyler uma ursula valentina
    valerie vanessa vera veronica victor victoria vijay vikram vincent viktor vivian walter wanda wei wendy
    werner will william wolfgang xavier yasmin yuki yusuf yvonne zach zara zoe
"""
#: Given names that are common somewhere, and are no common words: they are names at the beginning of a sentence, too.
GIVEN_NAMES = frozenset(_GIVEN_NAMES_TEXT.split()) - frozenset({"will", "mark", "may", "rob", "sue"})

_PRODUCTS_TEXT = """
    airflow ansible asana aws azure bigquery bitbucket chromadb clickhouse cloudflare confluence couchdb datadog
    deno django docker dropbox dynamodb elasticsearch eslint fastapi fastmcp figma firebase firefox gcp github
    gitlab gmail grafana graphql haproxy heroku hubspot huggingface influxdb ios istio javascript jenkins jira
    jquery jupyter kafka keycloak kibana kotlin kubernetes langchain laravel linux litellm llama mariadb
    memcached minio mixpanel mongodb mypy mysql neo4j neovim netlify nextjs nginx nodejs npm numpy nvidia okta
    onnx openai opensearch pgvector photoshop php pinecone playwright pnpm podman postgres postgresql postman
    prometheus pydantic pyright pytest python pytorch qdrant rabbitmq redis redshift ruff sagemaker salesforce
    shopify signoz snyk spotify sqlalchemy sqlite starlette supabase tailscale tailwind telegram tensorflow
    terraform traefik trello twilio typescript ubuntu uv uvicorn uvloop vercel vite vitest vscode weaviate
    webpack whatsapp wireguard wordpress xcode yarn zapier zendesk zookeeper
"""
#: Products that are written in any case of letters.
PRODUCTS = frozenset(_PRODUCTS_TEXT.split())

_CAPITAL_PRODUCTS_TEXT = """
    airtable android angular apache bun cassandra celery chroma chrome consul cypress ember excel expo flask
    flutter go hadoop helm java jest kernel lambda linear loki nomad notion obsidian outlook pandas poetry
    prisma puppeteer rails react ruby rust safari selenium sentry sidekiq signal slack snowflake spark stripe
    svelte swift teams vault vue windows word zoom
"""
#: Products whose names are common words if they have no capital letter.
CAPITAL_PRODUCTS = frozenset(_CAPITAL_PRODUCTS_TEXT.split())

#: Behind one of these, a word with a capital letter in a German sentence is a place.
GERMAN_DIRECTIONS = frozenset(["nach", "aus"])

_GERMAN_TEXT = "der die das und ist nicht wir haben den dem ein eine einen wird sind mit auf für von"
#: Words of German sentences. In these every noun has a capital letter.
GERMAN = frozenset(_GERMAN_TEXT.split())
