/* The socket of a link, plain or with TLS by OpenSSL. Neighbour: redis_link.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/state/redis_link.h"

struct redis_tls {
    SSL_CTX *context;
};

/* ---- the context of a share ---- */

static enum wd_status fail_ssl(struct wd_error *err, const char *option, const char *file)
{
    char text[200] = "it cannot be used";
    unsigned long code = ERR_get_error();
    if (code)
        ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    return wd_fail(err, WD_ERR_INVALID, "state.%s %s: %s", option, file ? file : "", text);
}

static enum wd_status fill_context(SSL_CTX *context, const struct state_options *options, struct wd_error *err)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int trusted = options->ca_file ? SSL_CTX_load_verify_locations(context, options->ca_file, NULL)
                                   : SSL_CTX_set_default_verify_paths(context);
    if (trusted != 1)
        return fail_ssl(err, "ca_file", options->ca_file);
    if (options->cert_file && SSL_CTX_use_certificate_chain_file(context, options->cert_file) != 1)
        return fail_ssl(err, "cert_file", options->cert_file);
    if (options->key_file && SSL_CTX_use_PrivateKey_file(context, options->key_file, SSL_FILETYPE_PEM) != 1)
        return fail_ssl(err, "key_file", options->key_file);
    return WD_OK;
}

enum wd_status redis_tls_new(const struct state_options *options, struct redis_tls **out, struct wd_error *err)
{
    struct redis_tls *tls = calloc(1, sizeof(*tls));
    if (tls)
        tls->context = SSL_CTX_new(TLS_client_method());
    if (!tls || !tls->context) {
        free(tls);
        return wd_fail(err, WD_ERR_MEMORY, "no memory for TLS");
    }
    enum wd_status status = fill_context(tls->context, options, err);
    if (status != WD_OK) {
        redis_tls_free(tls);
        return status;
    }
    *out = tls;
    return WD_OK;
}

void redis_tls_free(struct redis_tls *tls)
{
    if (tls)
        SSL_CTX_free(tls->context);
    free(tls);
}

/* ---- the socket ---- */

static bool expect_host(SSL *ssl, const char *host)
{
    unsigned char address[16];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

bool redis_socket_begin(struct redis_socket *socket, struct redis_tls *tls, const char *host)
{
    if (!tls)
        return true;
    SSL *ssl = SSL_new(tls->context);
    socket->ssl = ssl;
    socket->shaking = true;
    if (!ssl || !expect_host(ssl, host) || SSL_set_fd(ssl, socket->fd) != 1)
        return false;
    SSL_set_connect_state(ssl);
    return true;
}

static enum redis_io ssl_outcome(struct redis_socket *socket, int result, bool *crossed, int native)
{
    int code = SSL_get_error(socket->ssl, result);
    *crossed = (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) && code != native;
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE)
        return REDIS_IO_LATER;
    return code == SSL_ERROR_ZERO_RETURN ? REDIS_IO_CLOSED : REDIS_IO_FAILED;
}

enum redis_io redis_socket_shake(struct redis_socket *socket, char *why, size_t size)
{
    if (!socket->shaking)
        return REDIS_IO_DONE;
    ERR_clear_error();
    int result = SSL_do_handshake(socket->ssl);
    if (result == 1) {
        socket->shaking = socket->read_wants_write = socket->write_wants_read = false;
        return REDIS_IO_DONE;
    }
    enum redis_io outcome = ssl_outcome(socket, result, &socket->read_wants_write, SSL_ERROR_WANT_READ);
    if (outcome == REDIS_IO_LATER)
        return outcome;
    long verified = SSL_get_verify_result(socket->ssl);
    if (verified != X509_V_OK)
        snprintf(why, size, "its certificate is refused: %s", X509_verify_cert_error_string(verified));
    else
        snprintf(why, size, "the TLS handshake failed");
    return REDIS_IO_FAILED;
}

enum redis_io redis_socket_read(struct redis_socket *socket, void *bytes, size_t size, size_t *count_out)
{
    *count_out = 0;
    if (socket->ssl) {
        ERR_clear_error();
        int result = SSL_read_ex(socket->ssl, bytes, size, count_out);
        return result == 1 ? REDIS_IO_DONE
                           : ssl_outcome(socket, result, &socket->read_wants_write, SSL_ERROR_WANT_READ);
    }
    ssize_t got = recv(socket->fd, bytes, size, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? REDIS_IO_LATER : REDIS_IO_FAILED;
    *count_out = (size_t)got;
    return got ? REDIS_IO_DONE : REDIS_IO_CLOSED;
}

enum redis_io redis_socket_write(struct redis_socket *socket, const void *bytes, size_t size, size_t *count_out)
{
    *count_out = 0;
    if (socket->ssl) {
        ERR_clear_error();
        int result = SSL_write_ex(socket->ssl, bytes, size, count_out);
        return result == 1 ? REDIS_IO_DONE
                           : ssl_outcome(socket, result, &socket->write_wants_read, SSL_ERROR_WANT_WRITE);
    }
    ssize_t sent = send(socket->fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? REDIS_IO_LATER : REDIS_IO_FAILED;
    *count_out = (size_t)sent;
    return REDIS_IO_DONE;
}

void redis_socket_close(struct redis_socket *socket)
{
    SSL_free(socket->ssl);
    if (socket->fd >= 0)
        close(socket->fd);
    *socket = (struct redis_socket){.fd = -1};
}
