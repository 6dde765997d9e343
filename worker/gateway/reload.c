/* Compares the token of a request with that of the file. Neighbours: gateway.c. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "worker/gateway/reload.h"
#include "worker/log.h"

enum { TOKEN_MIN = 16, TOKEN_MAX = 4096 };

static void complain(const char *path, const char *problem)
{
    log_write(LOG_ERROR, "reload-token-unusable", "the file of http.reload_token_file cannot be used",
              LOG_STR("file", path), LOG_STR("error", problem), LOG_END);
}

/* The length without the white space behind it, or -1 after a complaint. */
static ssize_t read_token(const char *path, char *token)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, token, TOKEN_MAX + 1);
    if (len < 0)
        complain(path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (len < 0)
        return -1;
    while (len && isspace((unsigned char)token[len - 1]))
        len--;
    if (len >= TOKEN_MIN && len <= TOKEN_MAX)
        return len;
    complain(path, len < TOKEN_MIN ? "the token has fewer than 16 characters" : "the token is longer than 4 KiB");
    return -1;
}

static bool digest(const char *bytes, size_t len, unsigned char *out)
{
    return EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) == 1;
}

enum reload_permission gateway_may_reload(const char *token_file, const char *authorization)
{
    static const char SCHEME[] = "Bearer ";
    char token[TOKEN_MAX + 1];
    unsigned char wanted[EVP_MAX_MD_SIZE] = {0}, given[EVP_MAX_MD_SIZE] = {0};
    if (!token_file)
        return RELOAD_OFF;
    ssize_t len = read_token(token_file, token);
    if (len < 0)
        return RELOAD_BROKEN;
    bool has_scheme = authorization && strncasecmp(authorization, SCHEME, strlen(SCHEME)) == 0;
    const char *words = has_scheme ? authorization + strlen(SCHEME) : "";
    /* digests are equally long: the time of the comparison says nothing about the token's length either */
    bool fine = digest(token, (size_t)len, wanted) && digest(words, strlen(words), given);
    OPENSSL_cleanse(token, sizeof(token));
    if (CRYPTO_memcmp(wanted, given, sizeof(wanted)) == 0 && fine)
        return RELOAD_ALLOWED;
    log_write(LOG_WARN, "reload-refused", "a request to reload came without the right token", LOG_END);
    return RELOAD_REFUSED;
}
