# syntax=docker/dockerfile:1
#
# The demo and nothing else: one static program, no shell, not root.
#
#   docker build --tag gateway-demo .
#   docker run --publish 127.0.0.1:3000:3000 --volume demo:/data --env JWT_SECRET gateway-demo
#
# Without JWT_SECRET everybody may log in, and a restart ends all sessions. compose.yaml has two demos
# with all that belongs to them; docs/deployment.md says more.

FROM rust:1.95.0-alpine AS build
# SQLite and jemalloc are written in C.
RUN apk add --no-cache make musl-dev
WORKDIR /src
# The image's own toolchain, which is the one of rust-toolchain.toml: Clippy and rustfmt are not fetched.
ENV RUSTUP_TOOLCHAIN=1.95.0
COPY . .
# musl's own allocator makes threads wait for each other; jemalloc does not, and gives memory back.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --locked --release -p demo-app --features jemalloc \
    && strip -o /demo-app target/release/demo-app
RUN mkdir /data

FROM scratch
COPY --from=build /demo-app /demo-app
# Where the SQLite file is, unless DATABASE_URL names another database.
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV LISTEN=0.0.0.0:3000
EXPOSE 3000
# Whether the process responds. Whether clients should be sent here, a balancer asks by itself (/readyz).
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/demo-app", "--health-check"]
ENTRYPOINT ["/demo-app"]
