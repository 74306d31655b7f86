"""The words of each language that say nothing about the subject of a text, as they are written, with their marks.

Those of Chinese, Japanese and Korean are in `unspaced.py`, as they stand within words there.
"""

ENGLISH = """a about above after again all also am an and any are as at be because been before being below between
    both but by can could did do does doing don down during each few for from further had has have having he her here
    hers him his how i if in into is it its itself just like me more most my myself no nor not now of off on once only
    or other our ours out over own please same she should so some such tell than that the their theirs them then there
    these they this those through to too under until up us very was we were what when where which while who whom why
    will with would you your yours"""
GERMAN = """aber alle allem allen aller alles als also am an auch auf aus bei bin bis bist da damit dann das dass dein
    deine dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem
    einen einer eines er es etwas euch euer eure für hab habe haben hat hatte hatten hier hin ich ihm ihn ihnen ihr
    ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes kann kein keine keinem keinen keiner können
    man mein meine meinem meinen meiner mich mir mit muss nach nicht noch nun nur ob oder ohne sehr sein seine seinem
    seinen seiner seit sich sie sind so soll sollte um und uns unser unsere unter vom von vor wann war waren warum was
    wegen weil welche welchem welchen welcher welches wem wen wenn wer werde werden wie wieder will wir wird wo wurde
    wurden zu zum zur über"""
FRENCH = """ai as au aux avais avait avec avez avons c ce ces cet cette comme d dans de des du elle elles en es est et
    eu eux fut ici il ils j je l la le les leur leurs lui m ma mais me mes moi mon n ne nos notre nous on ont ou où
    par pas pour qu quand que quel quelle quelles quels qui quoi s sa sans se sera ses si son sont sous sur t ta te
    tes toi ton tu un une vos votre vous y à été être"""
SPANISH = """a al algo ante como con cual cuando cuándo de del desde donde dónde e el él ella ellas ellos en entre era
    es esa ese eso esta está estas este esto estos fue ha han has hasta hay la las le les lo los me mi mis mucho muy
    más ni no nos nosotros o os para pero por porque qué que quien quién se ser si sin sobre son soy su sus también te
    ti tiene tu tus un una uno unos y ya yo"""
PORTUGUESE = """a ao aos aquela aquele aquilo as até com como da das de dela dele deles do dos e ela elas ele eles em
    entre era essa esse esta está estamos estão este eu foi foram há isso isto já lhe mais mas me mesmo meu minha
    muito na nas nem no nos nossa nosso não nós num numa o onde os ou para pela pelas pelo pelos por porque porquê
    qual quais quando que quem se sem ser seu sua são só também te tem temos teu tu tua um uma você vocês à às é"""
ITALIAN = """a abbiamo ad agli ai al alla alle allo anche avete c che chi ci ciò col come con cosa così cui da dagli
    dai dal dalla dalle dallo degli dei del della delle dello di dov dove e è ed era erano essere fa gli ha hai hanno
    ho i il in io la le lei li lo loro lui ma mi mia mio molto ne negli nei nel nella nelle nello noi non nostra
    nostro o per perché più quale quali quando quanto quella quello questa questo qui se sei si sia siamo sono su sua
    sugli sui sul sulla sulle sullo suo te ti tra tu tua tuo un una uno vi voi"""
DUTCH = """aan al als bij ben daar dan dat de deze die dit doen door dus een en er ging haar had hadden hebben hebt
    heb heeft hem hen het hier hij hoe hun ik in is ja je jij jou jouw jullie kan kunnen maar me meer men met mij mijn
    moet naar niet niets nog nu of om omdat onder ons onze ook op over te tegen toch toen tot u uit van veel voor waar
    waarom wanneer waren was wat we wel welk welke werd wie wij wil word worden wordt zal ze zich zij zijn zo zonder
    zou"""
POLISH = """a aby albo ale bardzo bez być był była było były będzie chce ci co czy dla dlaczego do dokąd gdy gdzie go
    i ich ile im ja jak jaka jakie jaki jakiego jakiej jako je jego jej jest jestem jesteś jesteśmy już jeszcze kiedy
    kim kogo komu kto która które którego której który których którym lub ma mają mam mamy masz mi mnie mną moja mój
    może my na nam nami nas nasz nasza nasze nie nim o od on ona one oni ono oraz po pod przed przez przy są się skąd
    ta tak także tam te tego tej ten to tu twoja twój ty tylko tym u w we wam was wasz wy z za ze że żeby"""
VIETNAMESE = """ai anh ấy à ạ bao bạn bị bởi các cái cần chị chỉ cho chúng chưa có còn con của cùng cũng do dưới đã
    đang đâu đây để đến đều đi đó được em gì giờ giúp hay hãy họ hoặc hôm khi không kia là lại làm lên lúc mà mấy mình
    mỗi một muốn nào này nên nếu nó nhé nhỉ như những nhiêu nay nhưng nơi nữa ở ơi phải qua ra rất rồi sao sau sẽ ta
    tại theo thế thì thôi tôi trên trong từ và vào vẫn vậy về vì việc với xin xuống"""
RUSSIAN = """сегодня завтра вчера а без более бы был была были было быть в вам вас ваш ваша ваше ваши во вот все всё
    всех всего вы где да даже для до его ее её если есть еще ещё же за здесь и из или им их к как какая какие какое
    какой каком какую когда кем ком кому кого которая которой которые который кто куда ли либо лишь меня мне мной мной
    может можно мой моя мы на над надо нам нами нас наш наша наше наши нашего нашей нашу не него нее неё нет ни них но
    ну нужно о об он она они оно от откуда очень по под после потому почему при про с со сам сколько так также такой
    там те тебе тебя тем то тобой тогда того тоже той только том тот ты у уже хотя чего чей чем через что чтобы чье
    чья эта эти это этого этой этом этот эту я"""
ARABIC = """اليوم غدا أمس حال إذا إلى أم أن أنا أنت أو أي أين أية التي الذي الذين إن إنه أنه إلا بعد بعض بل بين به بها
    تلك ثم حتى حيث خلال ذلك عن عند على علي عليه عليها عندما فقط في فيه فيها قبل قد كان كانت كل كم كما كيف لا لدى لدينا
    لقد لكن لم لماذا لن له لها لنا لي ليس ما ماذا متى مع من منذ منه منها نحن نعم هذا هذه هل هم هنا هناك هو هي و يا
    يكون"""
HINDI = """आज कल अगर अपना अपनी अपने अब आप आपका आपकी आपके इन इस इसका इसकी इसके इसे उन उनका उनकी उनके उन्हें उस उसका
    उसकी उसके उसे एक और कब कर करता करती करते करना करने करें कहाँ कहां का कि किस किसका किसकी किसके किसको किसने किसी की
    कितना कितनी कितने कुछ के केवल कैसा कैसी कैसे को कोई कौन कौनसा कौनसी क्या क्यों गई गए गया चाहिए जब जहाँ जाता जाती
    जाते जो तक तब तुम तो था थी थे द्वारा ने नहीं पर फिर भी मुझे मेरा मेरी मेरे में मैं मैंने या यह यहाँ ये रहा रही रहे
    लिए लेकिन वह वहाँ वाला वाली वाले वे सकता सकते सब साथ से हम हमने हमारा हमारी हमारे हमें ही हुआ हुई हुए है हैं हो
    होगा होता होती होते"""
HEBREW = """היום מחר אתמול אבל או אותה אותו אותי אותם אותנו אז איזה איזו אילו אין אינו אינה איך איפה אך אל אם אני
    אנחנו את אתה אתם באיזה באיזו באילו בין בו בה גם הוא היא היה היו הייתה הם הן הזה הזאת הזו היכן זאת זה זו יותר יש כי
    כל כמה כמו כן כך כאן לא לאן לאיזה לאיזו להם לי לך לנו לו לה לפני למה מאיזה מאיזו מאיפה מאין מדוע מה מהו מהי מהם מי
    מתי מאוד מן ממה על עד עוד עכשיו עם עליו עליה פה צריך רק של שלו שלה שלי שלך שלכם שלנו שלהם שם"""
