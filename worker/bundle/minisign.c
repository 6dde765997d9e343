/* minisign's formats over libsodium. Neighbours: bundle.c. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "worker/bundle/minisign.h"

static const char UNTRUSTED[] = "untrusted comment: ", TRUSTED[] = "trusted comment: ";

/* What stands in base64 in the files. Bytes only, so there is no padding. */
struct public_block {
    unsigned char algorithm[2], id[MINISIGN_KEY_ID], key[32];
};
struct secret_block {
    unsigned char algorithm[2], kdf[2], checksum_algorithm[2], salt[32], operations[8], memory[8];
    unsigned char id[MINISIGN_KEY_ID], key[64], checksum[32]; /* these three are encrypted, where any is */
};
struct signature_block {
    unsigned char algorithm[2], id[MINISIGN_KEY_ID], signature[64];
};

/* ---- lines ---- */

struct text {
    const char *at, *end;
};

struct line {
    const char *data;
    size_t len;
};

/* false at the end. */
static bool next_line(struct text *text, struct line *out)
{
    if (text->at == text->end)
        return false;
    const char *end = memchr(text->at, '\n', (size_t)(text->end - text->at));
    *out = (struct line){.data = text->at, .len = (size_t)((end ? end : text->end) - text->at)};
    text->at = end ? end + 1 : text->end;
    if (out->len && out->data[out->len - 1] == '\r')
        out->len--;
    return true;
}

static bool starts_with(struct line line, const char *prefix)
{
    return line.len >= strlen(prefix) && memcmp(line.data, prefix, strlen(prefix)) == 0;
}

/* Exactly `size` bytes. */
static bool decode(struct line line, void *out, size_t size)
{
    size_t got = 0;
    const char *end = NULL;
    return sodium_base642bin(out, size, line.data, line.len, NULL, &got, &end, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == size && end == line.data + line.len;
}

static void encode(const void *bytes, size_t size, char *out, size_t room)
{
    sodium_bin2base64(out, room, bytes, size, sodium_base64_VARIANT_ORIGINAL);
}

static bool is_ready(void)
{
    return sodium_init() >= 0;
}

/* The base64 line of a key file: the second, or the only one. */
static bool key_line(const char *bytes, size_t len, struct line *out)
{
    struct text text = {.at = bytes, .end = bytes + len};
    if (len > MINISIGN_TEXT_MAX || !next_line(&text, out))
        return false;
    return !starts_with(*out, UNTRUSTED) || next_line(&text, out);
}

/* ---- keys ---- */

enum wd_status minisign_read_public(const char *text, size_t len, struct minisign_public *out, struct wd_error *err)
{
    struct line line;
    struct public_block block;
    if (!is_ready() || !key_line(text, len, &line) || !decode(line, &block, sizeof(block)) ||
        memcmp(block.algorithm, "Ed", 2) != 0)
        return wd_fail(err, WD_ERR_INVALID, "this is no public key of minisign's (a line like RWQ...)");
    memcpy(out->id, block.id, sizeof(out->id));
    memcpy(out->key, block.key, sizeof(out->key));
    return WD_OK;
}

static uint64_t little_endian(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

/* The part that is encrypted is XORed with a stream that scrypt makes from the password. */
static enum wd_status decrypt(struct secret_block *block, const char *password, struct wd_error *err)
{
    enum { MEMORY_MAX = 1 << 30 };
    unsigned char stream[sizeof(block->id) + sizeof(block->key) + sizeof(block->checksum)];
    uint64_t memory = little_endian(block->memory), operations = little_endian(block->operations);
    if (!password)
        return wd_fail(err, WD_ERR_INVALID, "the secret key is encrypted: give its password, or make one without");
    if (memory > MEMORY_MAX || operations > (uint64_t)MEMORY_MAX)
        return wd_fail(err, WD_ERR_INVALID, "opening the secret key wants more than 1 GiB of memory or too much time");
    if (crypto_pwhash_scryptsalsa208sha256(stream, sizeof(stream), password, strlen(password), block->salt, operations,
                                           (size_t)memory) != 0)
        return wd_fail(err, WD_ERR_MEMORY, "no memory to open the secret key");
    unsigned char *part = (unsigned char *)block + offsetof(struct secret_block, id);
    for (size_t i = 0; i < sizeof(stream); i++)
        part[i] ^= stream[i];
    sodium_memzero(stream, sizeof(stream));
    return WD_OK;
}

static void checksum_of(const struct secret_block *block, unsigned char *out)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof(block->checksum));
    crypto_generichash_update(&state, block->algorithm, sizeof(block->algorithm));
    crypto_generichash_update(&state, block->id, sizeof(block->id));
    crypto_generichash_update(&state, block->key, sizeof(block->key));
    crypto_generichash_final(&state, out, sizeof(block->checksum));
}

/* Keys that are not encrypted have no checksum (minisign leaves it zero): but the public half follows from the other.
 */
static bool is_whole(const struct secret_block *block)
{
    unsigned char public[32], secret[64];
    crypto_sign_seed_keypair(public, secret, block->key);
    bool whole = sodium_memcmp(secret, block->key, sizeof(secret)) == 0;
    sodium_memzero(secret, sizeof(secret));
    return whole;
}

static enum wd_status open_secret(struct secret_block *block, const char *password, struct minisign_secret *out,
                                  struct wd_error *err)
{
    unsigned char checksum[sizeof(block->checksum)];
    bool encrypted = memcmp(block->kdf, "Sc", 2) == 0;
    if (memcmp(block->algorithm, "Ed", 2) != 0 || memcmp(block->checksum_algorithm, "B2", 2) != 0 ||
        (!encrypted && (block->kdf[0] || block->kdf[1])))
        return wd_fail(err, WD_ERR_INVALID, "this is no secret key of minisign's");
    enum wd_status status = encrypted ? decrypt(block, password, err) : WD_OK;
    if (status != WD_OK)
        return status;
    checksum_of(block, checksum);
    if (encrypted && sodium_memcmp(checksum, block->checksum, sizeof(checksum)) != 0)
        return wd_fail(err, WD_ERR_REFUSED, "wrong password");
    if (!is_whole(block))
        return wd_fail(err, WD_ERR_INVALID, "the secret key is damaged");
    memcpy(out->id, block->id, sizeof(out->id));
    memcpy(out->key, block->key, sizeof(out->key));
    return WD_OK;
}

enum wd_status minisign_read_secret(const char *text, size_t len, const char *password, struct minisign_secret *out,
                                    struct wd_error *err)
{
    struct line line;
    struct secret_block block;
    if (!is_ready() || !key_line(text, len, &line) || !decode(line, &block, sizeof(block)))
        return wd_fail(err, WD_ERR_INVALID, "this is no secret key of minisign's");
    enum wd_status status = open_secret(&block, password, out, err);
    sodium_memzero(&block, sizeof(block));
    return status;
}

void minisign_forget(struct minisign_secret *secret)
{
    sodium_memzero(secret, sizeof(*secret));
}

enum wd_status minisign_generate(char *public_text, char *secret_text, struct wd_error *err)
{
    struct public_block public = {.algorithm = "Ed"};
    struct secret_block secret = {.algorithm = "Ed", .checksum_algorithm = "B2"};
    char line[512];
    if (!is_ready() || crypto_sign_keypair(public.key, secret.key) != 0)
        return wd_fail(err, WD_ERR_IO, "no random numbers");
    randombytes_buf(public.id, sizeof(public.id));
    memcpy(secret.id, public.id, sizeof(secret.id));
    checksum_of(&secret, secret.checksum);
    encode(&public, sizeof(public), line, sizeof(line));
    snprintf(public_text, MINISIGN_TEXT_MAX, "%sminisign public key %016llX\n%s\n", UNTRUSTED,
             (unsigned long long)little_endian(public.id), line);
    encode(&secret, sizeof(secret), line, sizeof(line));
    snprintf(secret_text, MINISIGN_TEXT_MAX, "%sminisign secret key, not encrypted\n%s\n", UNTRUSTED, line);
    sodium_memzero(&secret, sizeof(secret));
    sodium_memzero(line, sizeof(line));
    return WD_OK;
}

/* ---- signatures ---- */

enum { DIGEST = 64 };

static void digest_of(const char *bytes, size_t len, unsigned char *out)
{
    crypto_generichash(out, DIGEST, (const unsigned char *)bytes, len, NULL, 0);
}

/* The second signature is over the first and the comment. */
static size_t join(const struct signature_block *block, const char *comment, size_t len, unsigned char *out)
{
    memcpy(out, block->signature, sizeof(block->signature));
    memcpy(out + sizeof(block->signature), comment, len);
    return sizeof(block->signature) + len;
}

enum wd_status minisign_sign(const struct minisign_secret *secret, const char *bytes, size_t len, const char *comment,
                             char *out, struct wd_error *err)
{
    struct signature_block block = {.algorithm = "ED"};
    unsigned char digest[DIGEST], joined[sizeof(block.signature) + MINISIGN_COMMENT_MAX], whole[64];
    char first[256], second[256];
    size_t comment_len = strlen(comment);
    if (comment_len > MINISIGN_COMMENT_MAX || strpbrk(comment, "\r\n"))
        return wd_fail(err, WD_ERR_INVALID, "the comment is longer than a line of %d bytes", MINISIGN_COMMENT_MAX);
    if (!is_ready())
        return wd_fail(err, WD_ERR_IO, "no random numbers");
    memcpy(block.id, secret->id, sizeof(block.id));
    digest_of(bytes, len, digest);
    crypto_sign_detached(block.signature, NULL, digest, sizeof(digest), secret->key);
    crypto_sign_detached(whole, NULL, joined, join(&block, comment, comment_len, joined), secret->key);
    encode(&block, sizeof(block), first, sizeof(first));
    encode(whole, sizeof(whole), second, sizeof(second));
    snprintf(out, MINISIGN_TEXT_MAX, "%ssignature of a bundle of warden rules\n%s\n%s%s\n%s\n", UNTRUSTED, first,
             TRUSTED, comment, second);
    return WD_OK;
}

struct signature_file {
    struct signature_block block;
    struct line comment;
    unsigned char whole[64];
};

static bool read_signature(const char *bytes, size_t len, struct signature_file *out)
{
    struct text text = {.at = bytes, .end = bytes + len};
    struct line untrusted, first, second, more;
    if (len > MINISIGN_TEXT_MAX || !next_line(&text, &untrusted) || !starts_with(untrusted, UNTRUSTED) ||
        !next_line(&text, &first) || !decode(first, &out->block, sizeof(out->block)) ||
        !next_line(&text, &out->comment) || !starts_with(out->comment, TRUSTED) || !next_line(&text, &second) ||
        !decode(second, out->whole, sizeof(out->whole)) || next_line(&text, &more))
        return false;
    out->comment.data += strlen(TRUSTED);
    out->comment.len -= strlen(TRUSTED);
    return out->comment.len <= MINISIGN_COMMENT_MAX && !memchr(out->comment.data, '\0', out->comment.len);
}

enum wd_status minisign_verify(const struct minisign_public *keys, size_t key_count, const char *bytes, size_t len,
                               const char *signature, size_t signature_len, char *comment_out, struct wd_error *err)
{
    struct signature_file file;
    unsigned char digest[DIGEST], joined[sizeof(file.block.signature) + MINISIGN_COMMENT_MAX];
    if (!is_ready() || !read_signature(signature, signature_len, &file))
        return wd_fail(err, WD_ERR_INVALID, "the signature is no signature file of minisign's");
    if (memcmp(file.block.algorithm, "ED", 2) != 0)
        return wd_fail(err, WD_ERR_REFUSED, "the signature has an old form: sign again with minisign 0.8 or newer");
    const struct minisign_public *key = NULL;
    for (size_t i = 0; i < key_count; i++)
        if (memcmp(keys[i].id, file.block.id, sizeof(keys[i].id)) == 0)
            key = &keys[i];
    if (!key)
        return wd_fail(err, WD_ERR_REFUSED, "the signature was made with key %016llX, which is not a trusted one",
                       (unsigned long long)little_endian(file.block.id));
    digest_of(bytes, len, digest);
    if (crypto_sign_verify_detached(file.block.signature, digest, sizeof(digest), key->key) != 0)
        return wd_fail(err, WD_ERR_REFUSED, "the signature is not that of these bytes: they were changed");
    size_t joined_len = join(&file.block, file.comment.data, file.comment.len, joined);
    if (crypto_sign_verify_detached(file.whole, joined, joined_len, key->key) != 0)
        return wd_fail(err, WD_ERR_REFUSED, "the comment of the signature was changed");
    if (comment_out) {
        memcpy(comment_out, file.comment.data, file.comment.len);
        comment_out[file.comment.len] = '\0';
    }
    return WD_OK;
}
