/* What people write to each other, for tests of likeness; and what may not change from version to version. */
#ifndef TESTS_UNIT_BEHAVIOUR_TEXTS_H
#define TESTS_UNIT_BEHAVIOUR_TEXTS_H

#include <stdint.h>

static const uint64_t KEPT_FINGERPRINT = 0x9E0059595465D465;
/* Of the fingerprints of many texts, as the first version found them. */
static const uint64_t KEPT_SUM = 0x501E02DF255B7B87;
static const uint64_t KEPT_HASH = 0xE8EC9C9FDB66F49B;

static const char *const ORDINARY_TEXTS[48] = {
    "has anyone tried the new raid boss yet, it feels way too hard",
    "we lost because nobody was watching the left side again",
    "my internet keeps dropping every ten minutes, so annoying",
    "can somebody explain how the crafting queue works please",
    "that last round was the best game I have played this week",
    "I will be on later tonight after dinner if you want to play",
    "does the update change the drop rates or only the graphics",
    "the music in the second level reminds me of old arcade halls",
    "thanks for the help yesterday, I finally got the achievement",
    "who is bringing snacks to the meetup on saturday afternoon",
    "our team needs one more healer before we can start the dungeon",
    "I forgot my password and the recovery mail never arrives",
    "is it normal that the loading screen takes five minutes now",
    "the new map looks gorgeous but it runs terribly on my laptop",
    "please stop posting spoilers in the general channel, thank you",
    "what time does the tournament stream begin in your country",
    "I finished painting the miniatures and they came out great",
    "my cat walked over the keyboard and I lost the whole match",
    "the bus was late, so give me fifteen minutes to get home",
    "anyone selling a spare ticket for the concert next month",
    "this recipe works better with less sugar and more cinnamon",
    "the teacher moved our exam to wednesday morning, good luck",
    "remember to vote for the next book we read in the club",
    "that interview with the developers answered a lot of questions",
    "honestly the first season was better written than the third",
    "just adopted a puppy, she sleeps on my feet while I work",
    "does anybody know a quiet cafe near the main train station",
    "we are looking for beta testers who own an older phone",
    "the weather here is awful, it has been raining since monday",
    "good morning everyone, coffee first and then bug reports",
    "I think the referee made the right call in the final minute",
    "my brother broke the controller so I am using the keyboard",
    "could you share the build you used against the ice dragon",
    "they closed the library early today because of the storm",
    "there is a hidden door behind the waterfall on the third floor",
    "happy birthday to our favourite moderator, enjoy your day off",
    "the patch notes mention a fix for the inventory duplication",
    "I am learning to play the guitar and my fingers hurt a lot",
    "somebody left a green umbrella at the table near the window",
    "the delivery arrived damaged and support has not answered me",
    "our garden finally has tomatoes, far too many of them really",
    "is the server down for you as well or is it only my router",
    "watch the tutorial first, it saves you hours of frustration",
    "running my first marathon in october, wish me strong knees",
    "he scored twice in extra time and the whole pub went crazy",
    "the museum offers free entry on the first sunday each month",
    "please use threads for long discussions, it is easier to read",
    "nobody told me that the meeting was cancelled this morning",
};

#endif
