"""What the sign-in mail says, in thirteen languages. Translators need to look at nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen

MINUTES: Final = 15


@frozen(kw_only=True)
class Words:
    """One language. Every sentence is plain text; the number of minutes is written out in it."""

    subject: str
    title: str
    ready: str
    press: str
    button: str
    caution: str
    expires: str
    once: str
    private: str
    unasked: str
    copy: str
    footer: str
    automatic: str
    right_to_left: bool = False


ENGLISH: Final = Words(
    subject="Your sign-in link for HashPass",
    title="Sign in to HashPass",
    ready="Your sign-in link is ready.",
    press="Press the button to sign in:",
    button="Sign in",
    caution="Please note",
    expires="The link is valid for 15 minutes.",
    once="It works only once.",
    private="Do not share it with anyone.",
    unasked="If you did not ask for it, ignore this message. Nothing will happen.",
    copy="If the button does not work, copy this address into your browser:",
    footer="HashPass: random hashes, passwords, keys and phrases",
    automatic="This message was sent automatically. Please do not reply.",
)

SPANISH: Final = Words(
    subject="Tu enlace de acceso a HashPass",
    title="Acceder a HashPass",
    ready="Tu enlace de acceso está listo.",
    press="Pulsa el botón para acceder:",
    button="Acceder",
    caution="Ten en cuenta",
    expires="El enlace es válido durante 15 minutos.",
    once="Solo funciona una vez.",
    private="No lo compartas con nadie.",
    unasked="Si no lo has pedido, ignora este mensaje. No pasará nada.",
    copy="Si el botón no funciona, copia esta dirección en tu navegador:",
    footer="HashPass: hashes, contraseñas, claves y frases aleatorias",
    automatic="Este mensaje se ha enviado automáticamente. Por favor, no respondas.",
)

FRENCH: Final = Words(
    subject="Votre lien de connexion à HashPass",
    title="Se connecter à HashPass",
    ready="Votre lien de connexion est prêt.",
    press="Appuyez sur le bouton pour vous connecter :",
    button="Se connecter",
    caution="À savoir",
    expires="Le lien est valable 15 minutes.",
    once="Il ne fonctionne qu’une seule fois.",
    private="Ne le partagez avec personne.",
    unasked="Si vous ne l’avez pas demandé, ignorez ce message. Il ne se passera rien.",
    copy="Si le bouton ne fonctionne pas, copiez cette adresse dans votre navigateur :",
    footer="HashPass : hachages, mots de passe, clés et phrases aléatoires",
    automatic="Ce message a été envoyé automatiquement. Merci de ne pas y répondre.",
)

GERMAN: Final = Words(
    subject="Ihr Anmeldelink für HashPass",
    title="Bei HashPass anmelden",
    ready="Ihr Anmeldelink ist bereit.",
    press="Drücken Sie auf die Schaltfläche, um sich anzumelden:",
    button="Anmelden",
    caution="Bitte beachten",
    expires="Der Link ist 15 Minuten lang gültig.",
    once="Er funktioniert nur einmal.",
    private="Geben Sie ihn an niemanden weiter.",
    unasked="Wenn Sie ihn nicht angefordert haben, beachten Sie diese Nachricht nicht. Es geschieht nichts.",
    copy="Falls die Schaltfläche nicht funktioniert, kopieren Sie diese Adresse in Ihren Browser:",
    footer="HashPass: zufällige Hashes, Passwörter, Schlüssel und Phrasen",
    automatic="Diese Nachricht wurde automatisch versandt. Bitte antworten Sie nicht darauf.",
)

PORTUGUESE: Final = Words(
    subject="O seu link de acesso ao HashPass",
    title="Entrar no HashPass",
    ready="O seu link de acesso está pronto.",
    press="Clique no botão para entrar:",
    button="Entrar",
    caution="Tenha em atenção",
    expires="O link é válido por 15 minutos.",
    once="Funciona apenas uma vez.",
    private="Não o partilhe com ninguém.",
    unasked="Se não o pediu, ignore esta mensagem. Nada acontecerá.",
    copy="Se o botão não funcionar, copie este endereço para o seu navegador:",
    footer="HashPass: hashes, senhas, chaves e frases aleatórias",
    automatic="Esta mensagem foi enviada automaticamente. Por favor, não responda.",
)

RUSSIAN: Final = Words(
    subject="Ваша ссылка для входа в HashPass",
    title="Вход в HashPass",
    ready="Ваша ссылка для входа готова.",
    press="Нажмите кнопку, чтобы войти:",
    button="Войти",
    caution="Обратите внимание",
    expires="Ссылка действительна 15 минут.",
    once="Она сработает только один раз.",
    private="Никому её не передавайте.",
    unasked="Если вы её не запрашивали, не обращайте внимания на это письмо. Ничего не произойдёт.",
    copy="Если кнопка не работает, скопируйте этот адрес в браузер:",
    footer="HashPass: случайные хеши, пароли, ключи и фразы",
    automatic="Это письмо отправлено автоматически. Пожалуйста, не отвечайте на него.",
)

CHINESE: Final = Words(
    subject="您的 HashPass 登录链接",
    title="登录 HashPass",
    ready="您的登录链接已准备好。",
    press="请点击按钮登录：",
    button="登录",
    caution="请注意",
    expires="此链接在 15 分钟内有效。",
    once="仅可使用一次。",
    private="请勿分享给任何人。",
    unasked="如果您没有请求登录，请忽略此邮件，不会发生任何事情。",
    copy="如果按钮无法使用，请将以下地址复制到浏览器中：",
    footer="HashPass：随机哈希、密码、密钥和助记词",
    automatic="此邮件由系统自动发送，请勿回复。",
)

JAPANESE: Final = Words(
    subject="HashPass のログインリンク",
    title="HashPass にログイン",
    ready="ログインリンクの準備ができました。",
    press="ボタンを押してログインしてください：",
    button="ログイン",
    caution="ご注意",
    expires="このリンクの有効期限は 15 分です。",
    once="使用できるのは一度だけです。",
    private="誰とも共有しないでください。",
    unasked="お心当たりがない場合は、このメールを無視してください。何も起こりません。",
    copy="ボタンが機能しない場合は、次のアドレスをブラウザにコピーしてください：",
    footer="HashPass：ランダムなハッシュ、パスワード、キー、フレーズ",
    automatic="このメールは自動送信されています。返信しないでください。",
)

ARABIC: Final = Words(
    subject="رابط تسجيل الدخول إلى HashPass",
    title="تسجيل الدخول إلى HashPass",
    ready="رابط تسجيل الدخول الخاص بك جاهز.",
    press="اضغط على الزر لتسجيل الدخول:",
    button="تسجيل الدخول",
    caution="يرجى الانتباه",
    expires="الرابط صالح لمدة 15 دقيقة.",
    once="يعمل مرة واحدة فقط.",
    private="لا تشاركه مع أي شخص.",
    unasked="إذا لم تطلبه فتجاهل هذه الرسالة، ولن يحدث شيء.",
    copy="إذا لم يعمل الزر، فانسخ هذا العنوان إلى متصفحك:",
    footer="HashPass: تجزئات وكلمات مرور ومفاتيح وعبارات عشوائية",
    automatic="أُرسلت هذه الرسالة تلقائيًا. يرجى عدم الرد عليها.",
    right_to_left=True,
)

HINDI: Final = Words(
    subject="HashPass के लिए आपका साइन-इन लिंक",
    title="HashPass में साइन इन करें",
    ready="आपका साइन-इन लिंक तैयार है।",
    press="साइन इन करने के लिए बटन दबाएँ:",
    button="साइन इन करें",
    caution="कृपया ध्यान दें",
    expires="यह लिंक 15 मिनट तक मान्य है।",
    once="यह केवल एक बार काम करता है।",
    private="इसे किसी के साथ साझा न करें।",
    unasked="यदि आपने इसका अनुरोध नहीं किया है, तो इस संदेश को अनदेखा करें। कुछ नहीं होगा।",
    copy="यदि बटन काम न करे, तो यह पता अपने ब्राउज़र में कॉपी करें:",
    footer="HashPass: यादृच्छिक हैश, पासवर्ड, कुंजियाँ और वाक्यांश",
    automatic="यह संदेश अपने आप भेजा गया है। कृपया उत्तर न दें।",
)

CATALAN: Final = Words(
    subject="El vostre enllaç d’accés a HashPass",
    title="Accediu a HashPass",
    ready="El vostre enllaç d’accés està a punt.",
    press="Premeu el botó per accedir-hi:",
    button="Accediu",
    caution="Tingueu en compte",
    expires="L’enllaç és vàlid durant 15 minuts.",
    once="Només funciona una vegada.",
    private="No el compartiu amb ningú.",
    unasked="Si no l’heu demanat, ignoreu aquest missatge. No passarà res.",
    copy="Si el botó no funciona, copieu aquesta adreça al navegador:",
    footer="HashPass: resums, contrasenyes, claus i frases aleatòries",
    automatic="Aquest missatge s’ha enviat automàticament. Si us plau, no hi respongueu.",
)

GALICIAN: Final = Words(
    subject="A túa ligazón de acceso a HashPass",
    title="Acceder a HashPass",
    ready="A túa ligazón de acceso está lista.",
    press="Preme o botón para acceder:",
    button="Acceder",
    caution="Ten en conta",
    expires="A ligazón é válida durante 15 minutos.",
    once="Só funciona unha vez.",
    private="Non a compartas con ninguén.",
    unasked="Se non a pediches, ignora esta mensaxe. Non pasará nada.",
    copy="Se o botón non funciona, copia este enderezo no teu navegador:",
    footer="HashPass: hashes, contrasinais, claves e frases aleatorias",
    automatic="Esta mensaxe enviouse automaticamente. Por favor, non respondas.",
)

BASQUE: Final = Words(
    subject="HashPass-en saioa hasteko esteka",
    title="Hasi saioa HashPass-en",
    ready="Saioa hasteko esteka prest dago.",
    press="Sakatu botoia saioa hasteko:",
    button="Hasi saioa",
    caution="Kontuan izan",
    expires="Estekak 15 minutuz balio du.",
    once="Behin bakarrik erabil daiteke.",
    private="Ez partekatu inorekin.",
    unasked="Zuk eskatu ez baduzu, ez ikusi egin mezu honi. Ez da ezer gertatuko.",
    copy="Botoiak ez badu funtzionatzen, kopiatu helbide hau nabigatzailean:",
    footer="HashPass: ausazko hashak, pasahitzak, gakoak eta esaldiak",
    automatic="Mezu hau automatikoki bidali da. Mesedez, ez erantzun.",
)

LANGUAGES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "es": SPANISH,
        "en": ENGLISH,
        "fr": FRENCH,
        "de": GERMAN,
        "pt": PORTUGUESE,
        "ru": RUSSIAN,
        "zh": CHINESE,
        "ja": JAPANESE,
        "ar": ARABIC,
        "hi": HINDI,
        "ca": CATALAN,
        "gl": GALICIAN,
        "eu": BASQUE,
    }
)


def find_language(code: object) -> str:
    """A code of ours, exactly as written; anything else is English."""
    return code if isinstance(code, str) and code in LANGUAGES else "en"
