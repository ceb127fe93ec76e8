//! What commands are made of: the common language out of which each user takes a part.

/// A kind of command, with the words people have for it.
pub(super) struct Intent {
    /// The class.
    pub name: &'static str,
    /// What is to be done.
    pub verbs: &'static [&'static str],
    /// With what.
    pub objects: &'static [&'static str],
}

const LIGHTS: &[&str] =
    &["light", "lights", "lamp", "lamps", "bulb", "lantern", "chandelier", "spots", "led", "candles"];

/// All intents, in the order of their classes.
pub(super) const INTENTS: &[Intent] = &[
    Intent {
        name: "light-on",
        verbs: &[
            "turn on",
            "switch on",
            "light up",
            "brighten",
            "ignite",
            "enable",
            "power up",
            "illuminate",
        ],
        objects: LIGHTS,
    },
    Intent {
        name: "light-off",
        verbs: &["turn off", "switch off", "kill", "darken", "douse", "disable", "extinguish", "black out"],
        objects: LIGHTS,
    },
    Intent {
        name: "timer",
        verbs: &["set", "start", "count", "begin", "run", "launch", "kick off", "measure"],
        objects: &[
            "timer",
            "countdown",
            "stopwatch",
            "egg clock",
            "ticker",
            "hourglass",
            "chrono",
            "sandglass",
        ],
    },
    Intent {
        name: "alarm",
        verbs: &["wake", "rouse", "get up", "ring", "buzz", "awaken", "raise", "arm"],
        objects: &["alarm", "alarm clock", "wake up call", "reveille", "bell", "siren", "rooster", "chime"],
    },
    Intent {
        name: "music",
        verbs: &["play", "stream", "put on", "spin", "blast", "queue", "jam", "hear"],
        objects: &["music", "song", "tune", "playlist", "album", "record", "track", "melody", "radio"],
    },
    Intent {
        name: "weather",
        verbs: &["tell", "show", "check", "report", "forecast", "look up", "read out", "predict"],
        objects: &[
            "weather",
            "forecast",
            "rain",
            "temperature outside",
            "sky",
            "sunshine",
            "storm",
            "climate",
        ],
    },
    Intent {
        name: "call",
        verbs: &["call", "phone", "dial", "ring up", "telephone", "reach", "connect", "buzz up"],
        objects: &["phone", "number", "mobile", "landline", "line", "handset", "video call", "cell"],
    },
    Intent {
        name: "message",
        verbs: &["text", "write", "send", "message", "drop", "mail", "notify", "ping"],
        objects: &["message", "note", "email", "letter", "sms", "memo", "postcard", "line of text"],
    },
    Intent {
        name: "lock",
        verbs: &["lock", "secure", "bolt", "shut", "bar", "seal", "latch", "close up"],
        objects: &["door", "gate", "entrance", "front door", "garage", "deadbolt", "hatch", "porch"],
    },
    Intent {
        name: "warmer",
        verbs: &["heat", "warm", "heat up", "warm up", "raise", "turn up", "bump", "increase"],
        objects: &["heating", "thermostat", "radiator", "heater", "furnace", "boiler", "stove", "degrees"],
    },
    Intent {
        name: "shopping",
        verbs: &["add", "buy", "order", "purchase", "get", "stock", "fetch", "put down"],
        objects: &["shopping list", "groceries", "basket", "cart", "list", "supplies", "shop", "pantry"],
    },
    Intent {
        name: "vacuum",
        verbs: &["clean", "vacuum", "sweep", "hoover", "dust", "mop", "scrub", "tidy"],
        objects: &["robot", "vacuum", "hoover", "floor", "carpet", "rug", "cleaner", "roomba"],
    },
    Intent {
        name: "blinds",
        verbs: &["lower", "draw", "roll down", "drop", "pull", "shade", "unroll", "let down"],
        objects: &["blinds", "curtains", "shutters", "drapes", "shades", "awning", "screen", "window cover"],
    },
    Intent {
        name: "louder",
        verbs: &["crank", "amplify", "boost", "pump", "make louder", "turn up", "raise", "lift"],
        objects: &["volume", "sound", "speaker", "loudness", "audio", "amp", "bass", "stereo"],
    },
    Intent {
        name: "coffee",
        verbs: &["brew", "make", "pour", "prepare", "boil", "fix", "grind", "percolate"],
        objects: &["coffee", "espresso", "latte", "tea", "cappuccino", "mocha", "cup", "kettle"],
    },
];

/// What people begin with.
pub(super) const OPENERS: &[&str] = &[
    "please",
    "could you please",
    "would you mind and",
    "hey there assistant",
    "hello computer",
    "okay house",
    "i would really like you to",
    "do me a favour and",
    "be so kind as to",
    "listen carefully now",
    "can you quickly",
    "i think it is time to",
    "my dear machine",
    "excuse me but",
    "if it is not too much trouble",
    "alright then let us",
    "good morning would you",
    "well now please",
    "i want you to",
    "go ahead and",
    "it would be great to",
    "kindly",
    "yo buddy",
    "remember to",
];

/// What people end with.
pub(super) const CLOSERS: &[&str] = &[
    "thank you very much",
    "thanks a lot",
    "right away",
    "as soon as possible",
    "if you can",
    "when you are ready",
    "like you always do",
    "will you",
    "before i forget it",
    "that would be lovely",
    "and be quick about it",
    "without any fuss",
    "my friend",
    "just like yesterday",
    "and tell me when done",
    "cheers mate",
    "immediately",
    "because i am busy",
];

/// For whom.
pub(super) const PEOPLE: &[&str] = &[
    "grandmother",
    "grandfather",
    "charlotte",
    "alexander",
    "benjamin",
    "elizabeth",
    "my brother",
    "my sister",
    "katherine",
    "theodore",
    "margaret",
    "sebastian",
    "uncle william",
    "aunt josephine",
    "the children",
    "my daughter",
    "frederick",
    "isabella",
    "nathaniel",
    "the neighbours",
    "dorothy",
    "christopher",
    "gwendolyn",
    "my husband",
    "the visitors",
    "valentina",
];

/// Where.
pub(super) const PLACES: &[&str] = &[
    "living room",
    "kitchen",
    "bedroom",
    "bathroom",
    "hallway",
    "basement",
    "upstairs",
    "downstairs",
    "veranda",
    "conservatory",
    "workshop",
    "nursery",
    "dining room",
    "guest room",
    "laundry room",
    "attic",
    "study",
    "greenhouse",
    "summer house",
    "office",
    "staircase",
    "playroom",
    "terrace",
    "music room",
];

/// When.
pub(super) const TIMES: &[&str] = &[
    "seven thirty",
    "half past nine",
    "quarter to eleven",
    "tomorrow morning",
    "this afternoon",
    "tonight",
    "wednesday evening",
    "after breakfast",
    "before midnight",
    "twelve minutes",
    "forty five seconds",
    "saturday at noon",
    "next thursday",
    "after sunset",
    "twenty past three",
    "monday at eight",
    "during dinner",
    "sunday afternoon",
    "in an hour",
    "before lunch",
    "at sunrise",
    "fifteen minutes",
    "friday night",
    "ten to six",
];

/// What else is said.
pub(super) const REASONS: &[&str] = &[
    "for the birthday party",
    "since it is cold",
    "because it is late",
    "for the homework",
    "to celebrate",
    "for the football match",
    "while we are travelling",
    "for a relaxing evening",
    "as the guests arrive",
    "because of the baby",
    "to save electricity",
    "for the romantic dinner",
    "while i am cooking",
    "for my meditation",
    "since nobody is home",
    "for the school project",
    "because i am tired",
    "during the holidays",
    "for the book club",
    "while the dog sleeps",
];
