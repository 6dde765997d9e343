# warden in a container: built in one stage, run in another that holds the program and its libraries only.
#
#   docker build -t warden .
#   docker run --rm warden --version
#
# The image runs read-only, as user 10001, without capabilities. Configuration: /etc/warden/warden.yaml (mount your
# own), or WARDEN_SECTION__KEY in the environment. Secrets: files, named by WARDEN_PLATFORM__TOKEN_FILE and the like.
# The builder's steps also run without Docker: tests/compose/build_steps.py.

FROM debian:bookworm-20260824-slim AS builder
ENV STAGE=/stage
WORKDIR /src
COPY scripts/setup scripts/setup
RUN scripts/setup
COPY . .
RUN cmake --preset release -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_SYSCONFDIR=/etc \
    -DWARDEN_TESTS=OFF -DWARDEN_BENCH=OFF
RUN cmake --build build
RUN DESTDIR="$STAGE" cmake --install build --strip

FROM debian:bookworm-20260824-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libcurl4 libhiredis0.14 libicu72 libidn2-0 libjansson4 liblmdb0 \
        libmicrohttpd12 libpcre2-8-0 libpsl5 librdkafka1 libsimdjson14 libssl3 libyaml-0-2 \
        libsodium23 libzstd1 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 warden \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin warden
COPY --from=builder /stage/usr/bin/warden /usr/bin/warden
COPY --from=builder /stage/usr/share/warden /usr/share/warden
COPY --from=builder /stage/etc/warden /etc/warden
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["warden", "health"]
ENTRYPOINT ["/usr/bin/warden"]
CMD ["run"]
