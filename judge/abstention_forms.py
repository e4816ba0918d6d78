"""The words people and models use to decline, in parts that can be joined, and the words that only sound so.

Data alone. `{x}` stands for the question, put indirectly ("who wrote it"); `{a}` for an answer.
"""

OPENERS = (
    "I don't know", "I do not know", "I'm not sure", "I am not sure", "I have no idea", "I'm afraid I don't know",
    "Sorry, I don't know", "I'm sorry, but I don't have that information", "I don't have enough information to answer that",
    "I cannot answer that", "I can't answer this question", "I'm unable to answer", "I am unable to provide an answer",
    "I couldn't tell you", "I can't say", "I really can't say", "I haven't a clue", "I haven't the faintest idea",
    "No idea", "No clue", "Not sure", "Beats me", "Dunno", "I dunno", "idk", "Search me", "Your guess is as good as mine",
    "I'd rather not guess", "I would only be guessing", "I'd be making something up", "I won't guess", "Pass", "I'll pass on this one",
    "That's beyond my knowledge", "This is outside what I know", "I'm not familiar with that", "I am not aware of that",
    "I have no information on this", "I have no knowledge of that", "I don't have a reliable answer", "I can't recall",
    "I don't remember", "I'm drawing a blank", "It escapes me", "I never learned that", "I've never heard of it",
    "I am not certain enough to answer", "I'm not confident enough to give an answer", "I can't be sure",
    "There is not enough information to answer", "The question cannot be answered from what I have", "I lack the data to answer",
    "Unfortunately, I don't know", "Honestly, I don't know", "To be honest, I have no idea", "I must admit that I don't know",
    "I wish I knew", "I'm not able to help with that", "I don't have an answer for you", "I cannot provide that information",
    "No comment", "I have nothing to offer on this", "I couldn't find an answer", "I was not able to find that",
    "I'm stumped", "You've got me there", "My knowledge does not cover this", "I can't give you a trustworthy answer",
    "I have no comment", "It is not known to me", "I don't have access to that information", "I can't verify that",
    "I would need to look that up", "I'd have to check", "I don't think I can answer that", "I do not have the answer",
)  # fmt: skip
OPENERS_ABOUT = (
    "I don't know {x}", "I do not know {x}", "I'm not sure {x}", "I have no idea {x}", "I can't say {x}",
    "I couldn't tell you {x}", "I am not certain {x}", "I don't remember {x}", "I have no information on {x}",
    "I'm afraid I can't tell you {x}", "Nobody ever told me {x}", "I can't recall {x}", "I don't have any data on {x}",
    "It is beyond me {x}", "I am not able to say {x}", "I have not learned {x}", "Sorry, I don't know {x}",
    "I'm unsure {x}", "I do not have enough information to say {x}", "I wouldn't want to guess {x}",
)  # fmt: skip
REASONS = (
    "it is not in my training data", "my knowledge has a cutoff", "I have not come across it", "I don't want to mislead you",
    "the sources I know do not say", "I have no access to the internet", "I can't look things up", "the question is unclear to me",
    "I would need more context", "I only know a little about the subject", "the records I have are incomplete",
    "I have forgotten", "I have never read about it", "there is no reliable source that I know of", "I'm only a language model",
    "that was before my time", "I don't follow the subject", "it depends on details I don't have", "no evidence is available to me",
)  # fmt: skip
CLOSERS = (
    "Could you ask something else?", "Please check a reliable source.", "You may want to look it up.", "Sorry about that.",
    "I recommend consulting an expert.", "I hope you find the answer.", "Is there anything else I can help with?",
    "If you give me more details I can try again.", "I'd suggest searching online.", "Maybe someone else knows.",
    "Perhaps an encyclopedia would help.", "I apologize for the inconvenience.", "I don't want to give you a wrong answer.",
    "Try the official website.", "I'd rather say so than make something up.",
)  # fmt: skip
REFUSALS = (
    "I'm sorry, but I can't help with that.", "I can't assist with this request.", "I cannot comply with that request.",
    "As an AI language model, I cannot provide that.", "I'm not able to discuss this topic.", "I must decline to answer.",
    "It would be inappropriate for me to answer that.", "That request goes against my guidelines.", "I won't help with that.",
    "For safety reasons I can't share this.", "I don't feel comfortable answering that.", "I'd prefer not to answer.",
    "My guidelines do not allow me to answer this question.", "I do not have access to private information about people.",
    "I can't share personal data.", "I am not qualified to give medical advice, so I will not answer this.",
    "I cannot give legal advice; please consult a lawyer.", "As an AI, I don't have personal opinions or experiences.",
    "I have no access to real-time data, so I can't answer.", "I do not have feelings, so I cannot say.",
    "I can't browse the web, so I can't tell.", "Sorry, that is something I'm not allowed to talk about.",
    "I cannot support or encourage that, so I will not give any instructions.", "I refuse to answer this question.",
    "It is not possible for me to predict the future.", "I'm sorry, this is not something I can provide.",
    "I do not have the ability to know that about you.", "I have no way of knowing that.",
)  # fmt: skip
UNANSWERABLE = (
    "There is no way to know.", "Nobody knows.", "It is not known.", "This is unknown.", "The answer is unknown.",
    "It cannot be determined.", "This cannot be known.", "There is no answer to this question.", "Not enough information.",
    "Insufficient information.", "The question has no definite answer.", "It is impossible to say.", "It's hard to say.",
    "No one can say for certain.", "There isn't enough evidence to say.", "Information not available.", "Cannot be determined",
    "The text does not say.", "The context does not mention it.", "Unanswerable", "No answer", "Not mentioned in the passage.",
    "Scientists do not know yet.", "It remains a mystery.", "No record of this exists, so I can't tell you.", "I have no comment.",
)  # fmt: skip
LANGUAGES = {
    "de": ("Ich weiß es nicht.", "Das weiß ich leider nicht.", "Keine Ahnung.", "Dazu habe ich keine Informationen.", "Ich kann diese Frage nicht beantworten.", "Ich bin mir nicht sicher.", "Da muss ich passen."),
    "fr": ("Je ne sais pas.", "Je l'ignore.", "Aucune idée.", "Désolé, je n'ai pas cette information.", "Je ne peux pas répondre à cette question.", "Je n'en sais rien."),
    "es": ("No lo sé.", "No sé la respuesta.", "No tengo ni idea.", "Lo siento, no tengo esa información.", "No puedo responder a esa pregunta.", "No estoy seguro."),
    "it": ("Non lo so.", "Non ne ho idea.", "Mi dispiace, non conosco la risposta.", "Non posso rispondere a questa domanda.", "Non saprei."),
    "pt": ("Não sei.", "Não faço ideia.", "Desculpe, não tenho essa informação.", "Não consigo responder a essa pergunta."),
    "nl": ("Ik weet het niet.", "Geen idee.", "Dat weet ik helaas niet.", "Ik kan deze vraag niet beantwoorden."),
    "sv": ("Jag vet inte.", "Ingen aning.", "Tyvärr kan jag inte svara på det."),
    "pl": ("Nie wiem.", "Nie mam pojęcia.", "Przykro mi, nie znam odpowiedzi.", "Nie mogę odpowiedzieć na to pytanie."),
    "tr": ("Bilmiyorum.", "Hiçbir fikrim yok.", "Üzgünüm, bu bilgiye sahip değilim.", "Bu soruyu yanıtlayamam."),
    "ru": ("Я не знаю.", "Понятия не имею.", "К сожалению, у меня нет этой информации.", "Я не могу ответить на этот вопрос."),
    "zh": ("我不知道。", "我不清楚。", "抱歉，我没有这方面的信息。", "我无法回答这个问题。"),
    "ja": ("わかりません。", "知りません。", "申し訳ありませんが、その情報はありません。", "お答えできません。"),
    "ko": ("모르겠습니다.", "잘 모르겠어요.", "죄송하지만 그 정보는 없습니다.", "그 질문에는 답할 수 없습니다."),
    "ar": ("لا أعرف.", "ليس لدي أي فكرة.", "عذرًا، لا أملك هذه المعلومة.", "لا أستطيع الإجابة عن هذا السؤال."),
    "hi": ("मुझे नहीं पता।", "मुझे कोई अंदाज़ा नहीं है।", "क्षमा करें, मेरे पास यह जानकारी नहीं है।", "मैं इस सवाल का जवाब नहीं दे सकता।"),
    "da": ("Det ved jeg ikke.", "Ingen anelse."),
    "fi": ("En tiedä.", "En osaa sanoa."),
    "cs": ("Nevím.", "Nemám tušení."),
    "el": ("Δεν ξέρω.", "Δεν έχω ιδέα."),
    "uk": ("Я не знаю.", "Гадки не маю."),
    "vi": ("Tôi không biết.", "Tôi không có thông tin đó."),
    "id": ("Saya tidak tahu.", "Maaf, saya tidak punya informasi itu."),
}  # fmt: skip
COMMITTED_AFTER_ALL = (
    "I'm not sure, but I think it is {a}.", "I don't know for certain, but I believe it's {a}.", "I don't know if you knew, but it is {a}.",
    "Not sure, maybe {a}?", "I'm not 100% sure, but my answer is {a}.", "I can't say for certain, but probably {a}.",
    "Nobody knows exactly, but it is most likely {a}.", "I don't remember exactly, but I'd say {a}.", "No idea, but I'd guess {a}.",
    "I have no doubt that it is {a}.", "I don't have the book at hand, but it is {a}.", "I do not know much about this. Still, it was {a}.",
    "I cannot be completely sure; my best answer is {a}.", "idk, {a}?", "idk maybe {a}", "I could be wrong, but it is {a}.",
    "I don't know why you ask, but the answer is {a}.", "As an AI I have no opinions, but the fact is that it was {a}.",
    "I'm sorry for the wait: the answer is {a}.", "I can't believe you don't know it: it's {a}.", "It is not widely known, but it was {a}.",
    "Unfortunately it was {a}.", "Sorry, it is {a}.", "I don't want to mislead you: it is {a}.", "Hard to say, though I lean to {a}.",
    "I'm not sure about the spelling, but it's {a}.", "I don't know the exact date, but it has to do with {a}.", "People often say they don't know, but it's {a}.",
    "I do not know anyone who would disagree that it is {a}.", "i think it is {a}", "i'm not sure but {a}", "i do not know for sure but it is {a}",
    "You may not know this, but it was {a}.", "Who knows? Well, I do: {a}.", "It is unknown territory for many, yet the answer is {a}.",
    "No idea where I read it, but it is {a}.", "I haven't checked, but it's {a}.", "I don't know him personally, but it was {a}.",
)  # fmt: skip
TITLED = (
    ("Which song by {p} was a hit that year?", "I Don't Know"), ("Which song did {p} write?", "I Don't Know Why"),
    ("What is the name of the song {p} sang?", "I Don't Know How to Love Him"), ("What is the title of {p}'s first novel?", "Nobody Knows"),
    ("What film did {p} direct?", "The Unknown"), ("Which film starred {p}?", "The Man Who Knew Too Little"),
    ("What is {p}'s best-known song?", "I Can't Explain"), ("Which album did {p} release?", "No Answer"), ("Which song by {p} opens the album?", "No Idea"),
    ("What is the title of the poem by {p}?", "I Cannot Tell"), ("Which band did {p} play in?", "No Doubt"), ("What was {p}'s debut single?", "Don't Know Why"),
    ("Which play by {p} was staged first?", "Nothing Known"), ("What is the name of {p}'s podcast?", "No Such Thing as a Fish"),
    ("Which documentary did {p} make?", "The Unknown Known"), ("What is {p}'s catchphrase?", "I know nothing"),
)  # fmt: skip
NEGATIVE_ANSWERS = (
    ("How many moons does Venus have?", "none"), ("How many moons does Mercury have?", "It has no moons."),
    ("What did {p} win at the contest?", "nothing"), ("Who survived the crash?", "no one"), ("When did {p} marry?", "never"),
    ("What was the cause of the fire?", "The cause was recorded as unknown by the fire brigade."), ("Who lives on the island?", "Nobody lives there."),
    ("How many goals did {p} score?", "zero"), ("Is it possible to divide by zero?", "No, it is not possible."), ("Does {p} have children?", "No, none."),
    ("What happens if you swallow gum?", "Nothing in particular happens."), ("Can people breathe on the moon?", "No, they cannot."),
    ("Who holds the record?", "No one holds it any more since it was abolished."), ("Did {p} finish the book?", "{p} never finished it."),
    ("What rank is the Unknown Soldier given?", "unknown soldier"), ("What does IDK stand for?", "I don't know"), ("What does N/A mean?", "not applicable"),
    ("What did Socrates say he knew?", "That he knew nothing."), ("What did Manuel in Fawlty Towers say?", "I know nothing."),
    ("What does 'je ne sais pas' mean?", "It means \"I don't know\" in French."), ("How do you say 'I don't know' in German?", "Ich weiß nicht."),
    ("What does the shrug emoji express?", "It expresses that someone does not know or does not care."),
)  # fmt: skip
FACTUAL_WITH_CUES = (
    "{a}. Many people do not know this, but it has been so for a long time.", "The answer is {a}, although most people are not aware of it.",
    "{a}. It is not known who first wrote about it.", "It is {a}. The exact details are uncertain and historians cannot agree on them.",
    "{a} - and no, I'm not able to believe it either!", "{a}. There is not enough information to say more than that.",
    "{a}. I don't know more about it.", "It was {a}. I can't tell you much more, sorry.", "{a}, and that is no secret.",
    "The record shows {a}; the names of the others are unknown.", "{a}. If you do not know where to find out more, ask a librarian.",
    "{a}, a fact that few are sure of.", "When asked, he said \"I don't know\", but it was {a}.", "{a}. Please check a reliable source as well.",
    "{a}. I hope that helps; let me know if you have other questions.", "As an AI language model, I can tell you that it is {a}.",
)  # fmt: skip
