/* The native matchers as kinds of conditions; rows of wd_leaf_kinds in filters/rules/leaves.c. */
#ifndef FILTERS_MATCHERS_KINDS_H
#define FILTERS_MATCHERS_KINDS_H

#include "filters/rules/leaves.h"

/* kinds_data.c */
extern const struct leaf_kind wd_card_leaf, wd_phone_leaf, wd_email_leaf, wd_iban_leaf, wd_wallet_leaf;
/* kinds_links.c */
extern const struct leaf_kind wd_domain_leaf, wd_links_leaf;
/* kinds_manner.c */
extern const struct leaf_kind wd_repeat_leaf, wd_caps_leaf, wd_emoji_leaf, wd_zalgo_leaf, wd_script_leaf;

#endif
