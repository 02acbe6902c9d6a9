# Two stages: Debian 12 with what builds it, then a slim one with the two binaries and their libraries.
#
#   docker build -t pilotlight .
#   docker run --rm -p 8080:8080 pilotlight          # the demo, with simulated pods
#   docker run --rm -p 8080:8080 -v "$PWD/my-manifests:/etc/pilotlight:ro" pilotlight
#
# The admin address is 127.0.0.1:9901 inside, unless the Gateway manifest opens it: `docker exec ... pilotlight get pods`.
FROM debian:bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends g++ cmake ninja-build libboost1.81-dev libboost-url1.81-dev \
        libboost-json1.81-dev libssl-dev libyaml-cpp-dev libspdlog-dev libfmt-dev catch2 zlib1g-dev libnghttp2-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cmake --preset release \
 && cmake --build build/release --target pilotlight sd-simulator \
 && strip build/release/bin/pilotlight build/release/bin/sd-simulator

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libboost-url1.81.0 libboost-json1.81.0 \
        libboost-container1.81.0 libssl3 libyaml-cpp0.7 libspdlog1.10 libfmt9 libnghttp2-14 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/pilotlight --create-home --shell /usr/sbin/nologin pilotlight
COPY --from=build /source/build/release/bin/pilotlight /source/build/release/bin/sd-simulator /usr/local/bin/
COPY conf/ /etc/pilotlight/
USER 10001
WORKDIR /var/lib/pilotlight
ENV HOME=/var/lib/pilotlight
# The cookie key, pod logs and spooled bodies.
VOLUME /var/lib/pilotlight
EXPOSE 8080 9901
STOPSIGNAL SIGTERM
# bash speaks TCP, so no curl is needed. Give a Gateway with another admin port a --health-cmd of its own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/9901 && printf 'GET /healthz HTTP/1.1\\r\\nHost: 127.0.0.1:9901\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["pilotlight"]
CMD ["serve", "-f", "/etc/pilotlight"]
