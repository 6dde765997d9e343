/* Signatures and keys as the program minisign writes and reads them: Ed25519 over the BLAKE2b-512 digest of the file
 * (its 'ED' form; the older one without a digest is refused). Texts in, texts out; files are the caller's. */
#ifndef WORKER_BUNDLE_MINISIGN_H
#define WORKER_BUNDLE_MINISIGN_H

#include <stdbool.h>
#include <stddef.h>

#include <warden/status.h>

enum { MINISIGN_KEY_ID = 8, MINISIGN_TEXT_MAX = 4096, MINISIGN_COMMENT_MAX = 1024 };

struct minisign_public {
    unsigned char id[MINISIGN_KEY_ID];
    unsigned char key[32];
};

struct minisign_secret {
    unsigned char id[MINISIGN_KEY_ID];
    unsigned char key[64];
};

/* A key file, or its second line alone. WD_ERR_INVALID. */
enum wd_status minisign_read_public(const char *text, size_t len, struct minisign_public *out, struct wd_error *err);
/* `password` NULL: the key must not be encrypted (`minisign -G -W`). WD_ERR_INVALID, WD_ERR_REFUSED (wrong password),
 * WD_ERR_MEMORY. minisign_forget() it. */
enum wd_status minisign_read_secret(const char *text, size_t len, const char *password, struct minisign_secret *out,
                                    struct wd_error *err);
void minisign_forget(struct minisign_secret *secret);

/* A new pair as two files that minisign can read; the secret one is not encrypted. Each room MINISIGN_TEXT_MAX. */
enum wd_status minisign_generate(char *public_text, char *secret_text, struct wd_error *err);

/* The signature file for `bytes` into `out`, room MINISIGN_TEXT_MAX. The comment is signed, too: one line, at most
 * MINISIGN_COMMENT_MAX bytes. */
enum wd_status minisign_sign(const struct minisign_secret *secret, const char *bytes, size_t len, const char *comment,
                             char *out, struct wd_error *err);

/* WD_OK where `signature` is right for `bytes` and made with one of the keys; the signed comment then goes to
 * `comment_out` (room MINISIGN_COMMENT_MAX + 1; may be NULL). WD_ERR_REFUSED: another key or a wrong signature;
 * WD_ERR_INVALID: no signature file. */
enum wd_status minisign_verify(const struct minisign_public *keys, size_t key_count, const char *bytes, size_t len,
                               const char *signature, size_t signature_len, char *comment_out, struct wd_error *err);

#endif
