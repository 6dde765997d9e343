/* Conditions on personal data: card, phone, email, iban, wallet. Neighbours: the matchers of the same names. */
#include <string.h>

#include "filters/matchers/features.h"
#include "filters/matchers/kinds.h"
#include "filters/matchers/matchers.h"
#include "filters/rules/loader.h"

/* The keys of a kind whose only parameter is a choice. */
#define CHOICE_KEYS(kind, names, text)                                                                                 \
    {                                                                                                                  \
        {.name = (kind), .type = KEY_CHOICE, .required = true, .choices = (names), .doc = (text)}, LEAF_FIELDS_KEY,    \
            LEAF_VIEWS_KEY, LEAF_NAME_KEY, KEYS_END                                                                    \
    }

static const char *const GROUPED[] = {"any", "grouped", NULL};
static const char *const INTERNATIONAL[] = {"any", "international", NULL};
static const char *const ANY[] = {"any", NULL};

static const struct key CARD_KEYS[] = CHOICE_KEYS("card", GROUPED, "any, or only those that are grouped as on a card");
static const struct key PHONE_KEYS[] =
    CHOICE_KEYS("phone", INTERNATIONAL, "any, or only those with a country code (international)");
static const struct key EMAIL_KEYS[] = CHOICE_KEYS("email", ANY, "any");
static const struct key IBAN_KEYS[] = CHOICE_KEYS("iban", GROUPED, "any, or only those in groups of four (grouped)");

static void pass_on(void *sink, size_t start, size_t end)
{
    wd_span_found(sink, start, end);
}

static struct wd_finder finder_of(struct span_sink *sink)
{
    return (struct wd_finder){.found = pass_on, .context = sink, .effort = wd_effort_of(sink)};
}

/* params points to whether only the narrower choice counts. */
static bool prepare_choice(struct loader *loader, const struct wd_node *node, struct leaf *leaf, uint32_t needs)
{
    bool *narrow = wd_loader_alloc(loader, 1, sizeof(*narrow));
    if (!narrow)
        return false;
    *narrow = strcmp(wd_node_get(node, leaf->kind->shape.keys[0].name)->text, "any") != 0;
    leaf->params = narrow;
    leaf->needs = needs;
    return true;
}

static bool is_narrow(const struct leaf *leaf)
{
    return *(const bool *)leaf->params;
}

static bool prepare_card(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    return prepare_choice(loader, node, leaf, WD_FEATURE_DIGITS_13);
}

static void search_cards(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    struct wd_finder finder = finder_of(sink);
    wd_find_cards(text, is_narrow(leaf) ? WD_CARD_GROUPED : WD_CARD_ANY, &finder);
}

static bool prepare_phone(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    return prepare_choice(loader, node, leaf, WD_FEATURE_DIGITS_9);
}

static void search_phones(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    struct wd_finder finder = finder_of(sink);
    wd_find_phones(text, is_narrow(leaf) ? WD_PHONE_INTERNATIONAL : WD_PHONE_ANY, &finder);
}

static bool prepare_email(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    return prepare_choice(loader, node, leaf, WD_FEATURE_AT);
}

static void search_emails(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    (void)leaf;
    struct wd_finder finder = finder_of(sink);
    wd_find_emails(text, &finder);
}

static bool prepare_iban(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    return prepare_choice(loader, node, leaf, WD_FEATURE_DIGITS_4);
}

static void search_ibans(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    struct wd_finder finder = finder_of(sink);
    wd_find_ibans(text, is_narrow(leaf) ? WD_IBAN_GROUPED : WD_IBAN_ANY, &finder);
}

const struct leaf_kind wd_card_leaf = {
    .shape = {"a 'card' condition", "condition_card", "A text has a payment card number.", CARD_KEYS, false},
    .reads = READS_TEXTS,
    .prepare = prepare_card,
    .search = search_cards,
};
const struct leaf_kind wd_phone_leaf = {
    .shape = {"a 'phone' condition", "condition_phone", "A text has a telephone number.", PHONE_KEYS, false},
    .reads = READS_TEXTS,
    .prepare = prepare_phone,
    .search = search_phones,
};
const struct leaf_kind wd_email_leaf = {
    .shape = {"an 'email' condition", "condition_email", "A text has an e-mail address.", EMAIL_KEYS, false},
    .reads = READS_TEXTS,
    .prepare = prepare_email,
    .search = search_emails,
};
const struct leaf_kind wd_iban_leaf = {
    .shape = {"an 'iban' condition", "condition_iban", "A text has a bank account number (IBAN).", IBAN_KEYS, false},
    .reads = READS_TEXTS,
    .prepare = prepare_iban,
    .search = search_ibans,
};

/* ---- wallet ---- */

static const char *const WALLETS[] = {"bitcoin", "litecoin", "dogecoin", "tron", "ethereum", "solana", NULL};
static const char *const ANY_OR_WALLETS[] = {"any",  "bitcoin",  "litecoin", "dogecoin",
                                             "tron", "ethereum", "solana",   NULL};
static const struct key WALLET_ELEMENT = {.name = "", .type = KEY_CHOICE, .choices = WALLETS, .doc = "a currency"};
static const struct key WALLET_ALTERNATIVES[] = {
    {.name = "", .type = KEY_CHOICE, .choices = ANY_OR_WALLETS, .doc = "a currency, or any: all but solana"},
    {.name = "", .type = KEY_LIST, .element = &WALLET_ELEMENT, .doc = "a list of currencies"},
    {.doc = NULL},
};
static const struct key WALLET_KEYS[] = {
    {.name = "wallet",
     .type = KEY_EITHER,
     .required = true,
     .alternatives = WALLET_ALTERNATIVES,
     .doc = "currencies, or any: all but solana, whose addresses have no checksum"},
    LEAF_FIELDS_KEY,
    LEAF_NAME_KEY,
    KEYS_END,
};

static uint32_t wallets_named(const char *name)
{
    for (int i = 0; i < WD_WALLET_COUNT; i++)
        if (strcmp(WALLETS[i], name) == 0)
            return 1U << i;
    return ((1U << WD_WALLET_COUNT) - 1) & ~(1U << WD_WALLET_SOLANA);
}

static bool prepare_wallet(struct loader *loader, const struct wd_node *node, struct leaf *leaf)
{
    const struct wd_node *value = wd_node_get(node, "wallet");
    uint32_t *wanted = wd_loader_alloc(loader, 1, sizeof(*wanted));
    if (!wanted)
        return false;
    *wanted = value->kind == WD_NODE_SCALAR ? wallets_named(value->text) : 0;
    for (const struct wd_node *entry = value->first; entry; entry = entry->next)
        *wanted |= wallets_named(entry->text);
    leaf->params = wanted;
    leaf->needs = WD_FEATURE_LONG;
    return true;
}

static void search_wallets(const struct leaf *leaf, struct wd_str text, struct span_sink *sink)
{
    struct wd_finder finder = finder_of(sink);
    wd_find_wallets(text, *(const uint32_t *)leaf->params, &finder);
}

/* As written: capitals and small letters are different digits. */
const struct leaf_kind wd_wallet_leaf = {
    .shape = {"a 'wallet' condition", "condition_wallet", "A text has the address of a wallet.", WALLET_KEYS, false},
    .reads = READS_WRITTEN,
    .prepare = prepare_wallet,
    .search = search_wallets,
};
