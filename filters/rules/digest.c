/* The digest of a rule set: SHA-256 over what its files mean, not how they are written or where they lie. Comments,
 * quotes and the order of files do not change it; any key, value or list entry does. Neighbour: load.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "filters/rules/loader.h"

enum { DIGEST_BYTES = 32 };

struct source_digest {
    unsigned char bytes[DIGEST_BYTES];
};

/* Every piece goes in with its kind and length, so that no two different trees give the same bytes. */
static bool add_piece(EVP_MD_CTX *context, char kind, const void *bytes, size_t len)
{
    unsigned char head[9] = {(unsigned char)kind};
    for (int i = 0; i < 8; i++)
        head[1 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
    return EVP_DigestUpdate(context, head, sizeof(head)) && (!len || EVP_DigestUpdate(context, bytes, len));
}

static bool add_node(EVP_MD_CTX *context, const struct wd_node *node)
{
    if (node->key && !add_piece(context, 'k', node->key->text, node->key->text_len))
        return false;
    if (node->kind == WD_NODE_SCALAR)
        return add_piece(context, 's', node->text, node->text_len);
    if (!add_piece(context, node->kind == WD_NODE_MAP ? 'm' : 'l', NULL, 0))
        return false;
    for (const struct wd_node *child = node->first; child; child = child->next)
        if (!add_node(context, child))
            return false;
    return add_piece(context, 'e', NULL, 0);
}

static bool add_list_file(EVP_MD_CTX *context, const struct list *list)
{
    if (!add_piece(context, 'f', list->name, strlen(list->name)))
        return false;
    for (size_t i = 0; i < list->entry_count; i++)
        if (!add_piece(context, 'i', list->entries[i].text.data, list->entries[i].text.len))
            return false;
    return add_piece(context, 'e', NULL, 0);
}

static bool digest_source(EVP_MD_CTX *context, const struct source *source, struct source_digest *out)
{
    bool fine = EVP_DigestInit_ex(context, EVP_sha256(), NULL) && (!source->root || add_node(context, source->root));
    for (size_t i = 0; i < source->list_count && fine; i++)
        fine = !source->lists[i].file || add_list_file(context, &source->lists[i]);
    return fine && EVP_DigestFinal_ex(context, out->bytes, NULL);
}

static int by_bytes(const void *left, const void *right)
{
    return memcmp(left, right, DIGEST_BYTES);
}

bool wd_digest_sources(struct loader *loader)
{
    struct source_digest *digests = calloc(loader->source_count + 1, sizeof(*digests)), whole;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fine = digests && context;
    for (size_t i = 0; i < loader->source_count && fine; i++)
        fine = digest_source(context, &loader->sources[i], &digests[i]);
    if (fine) {
        qsort(digests, loader->source_count, sizeof(*digests), by_bytes);
        fine = EVP_DigestInit_ex(context, EVP_sha256(), NULL) &&
               EVP_DigestUpdate(context, digests, loader->source_count * sizeof(*digests)) &&
               EVP_DigestFinal_ex(context, whole.bytes, NULL);
    }
    for (int i = 0; i < DIGEST_BYTES && fine; i++)
        snprintf(loader->set->digest + 2 * (size_t)i, 3, "%02x", whole.bytes[i]);
    EVP_MD_CTX_free(context);
    free(digests);
    loader->out_of_memory |= !fine;
    return fine;
}
