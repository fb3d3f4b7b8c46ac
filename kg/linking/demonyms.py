"""English words for what comes from a country, and short names of countries, by the normal form of the country's name.

A graph rarely states them, and "Swedish" is too far from "Sweden" to be found by its letters.
"""

_TABLE = """
afghanistan: afghan afghani; albania: albanian; algeria: algerian; angola: angolan; argentina: argentine argentinian;
armenia: armenian; australia: australian aussie; austria: austrian; azerbaijan: azerbaijani azeri; bahrain: bahraini;
bangladesh: bangladeshi; belarus: belarusian; belgium: belgian; bolivia: bolivian; bosnia and herzegovina: bosnian;
botswana: botswanan; brazil: brazilian; bulgaria: bulgarian; cambodia: cambodian; cameroon: cameroonian;
canada: canadian; chile: chilean; china: chinese prc; colombia: colombian; croatia: croatian;
cuba: cuban; cyprus: cypriot; czech republic: czech; denmark: danish dane; dominican republic: dominican;
ecuador: ecuadorian; egypt: egyptian; el salvador: salvadoran; england: english; eritrea: eritrean; estonia: estonian;
ethiopia: ethiopian; european union: eu; fiji: fijian; finland: finnish finn; france: french; georgia: georgian;
germany: german; ghana: ghanaian; greece: greek; greenland: greenlandic; guatemala: guatemalan; haiti: haitian;
honduras: honduran; hungary: hungarian; iceland: icelandic; india: indian; indonesia: indonesian; iran: iranian;
iraq: iraqi; ireland: irish; israel: israeli; italy: italian; ivory coast: ivorian; jamaica: jamaican; japan: japanese;
jordan: jordanian; kazakhstan: kazakh kazakhstani; kenya: kenyan; kosovo: kosovar; kuwait: kuwaiti; kyrgyzstan: kyrgyz;
laos: laotian; latvia: latvian; lebanon: lebanese; liberia: liberian; libya: libyan; lithuania: lithuanian;
luxembourg: luxembourgish; macedonia: macedonian; madagascar: malagasy; malaysia: malaysian; mali: malian;
malta: maltese; mexico: mexican; moldova: moldovan; mongolia: mongolian; montenegro: montenegrin; morocco: moroccan;
mozambique: mozambican; myanmar: burmese; namibia: namibian; nepal: nepalese nepali; netherlands: dutch;
nicaragua: nicaraguan; nigeria: nigerian; north korea: dprk; norway: norwegian; oman: omani;
pakistan: pakistani; panama: panamanian; paraguay: paraguayan; peru: peruvian; philippines: philippine filipino;
poland: polish; portugal: portuguese; qatar: qatari; romania: romanian; russia: russian;
rwanda: rwandan; saudi arabia: saudi; scotland: scottish scots; senegal: senegalese; serbia: serbian;
singapore: singaporean; slovakia: slovak slovakian; slovenia: slovenian slovene;
somalia: somali somalian; soviet union: soviet ussr; spain: spanish;
sudan: sudanese; sweden: swedish swede; switzerland: swiss; syria: syrian; taiwan: taiwanese; tajikistan: tajik;
tanzania: tanzanian; thailand: thai; tunisia: tunisian; turkey: turkish; turkmenistan: turkmen; uganda: ugandan;
ukraine: ukrainian; united arab emirates: emirati uae; united kingdom: british uk; united nations: un;
united states: american us usa; uruguay: uruguayan; uzbekistan: uzbek; venezuela: venezuelan; vietnam: vietnamese;
wales: welsh; yemen: yemeni; zambia: zambian; zimbabwe: zimbabwean
"""

COUNTRY_OF = {
    word: country.strip()
    for country, words in (line.split(":") for line in _TABLE.split(";"))
    for word in words.split()
}
"""The normal form of the name of the country (or union) by that of the word for it."""
