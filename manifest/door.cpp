#include "manifest/door.hpp"

#include <algorithm>

#include "manifest/names.hpp"

namespace manifest {

Origin origin_of(const Fields& fields) {
    const auto place = fields.place();
    return {std::string(place.file), place.line, place.column, fields.path()};
}

void read_file(Fields& fields, std::string_view name, std::filesystem::path& out) {
    std::string text;
    if (fields.need_text(name, text)) out = text;
}

void read_revocations(Fields& fields, ClientCertificates& out) {
    if (fields.find("crl")) read_file(fields, "crl", out.crl);
}

namespace {

using namespace std::chrono_literals;

constexpr milliseconds ten_years = 24h * 3660;

void read_certificates(Fields& tls, Tls& out) {
    const Node* node = tls.need("certificates");
    if (!node) return;
    const auto path = tls.path_of("certificates");
    for (const auto& item : read_list(node, path, tls.problems())) {
        Fields fields(item.get(), path + "[" + std::to_string(out.certificates.size()) + "]", tls.problems());
        CertificateFiles files;
        read_file(fields, "certificate", files.certificate);
        read_file(fields, "key", files.key);
        fields.close();
        files.origin = origin_of(fields);
        out.certificates.push_back(std::move(files));
    }
    if (node->is_list() && node->items.empty())
        tls.error("certificates", "must have a certificate: {certificate: FILE, key: FILE}");
}

std::optional<ClientCertificates> read_clients(Fields& tls) {
    const Node* node = tls.find("clientCertificates");
    if (!node) return std::nullopt;
    Fields fields(node, tls.path_of("clientCertificates"), tls.problems());
    ClientCertificates clients;
    read_file(fields, "ca", clients.ca);
    read_revocations(fields, clients);
    std::string mode = "require";
    fields.one_of("mode", mode, {"require", "request"});
    clients.required = mode == "require";
    fields.flag("forward", clients.forward);
    fields.close();
    clients.origin = origin_of(fields);
    return clients;
}

Tls read_tls(const Node* node, const std::string& path, Problems& problems) {
    Fields fields(node, path, problems);
    Tls tls;
    read_certificates(fields, tls);
    std::string unknown = "default", minimum = "1.2";
    fields.one_of("unknownServerName", unknown, {"default", "reject"});
    fields.one_of("minimumVersion", minimum, {"1.2", "1.3"});
    tls.reject_unknown_names = unknown == "reject";
    tls.only_1_3 = minimum == "1.3";
    fields.flag("http2", tls.http2);
    tls.clients = read_clients(fields);
    fields.close();
    return tls;
}

std::optional<StrictTransport> read_strict_transport(Fields& listener) {
    const Node* node = listener.find("strictTransportSecurity");
    if (!node) return std::nullopt;
    Fields fields(node, listener.path_of("strictTransportSecurity"), listener.problems());
    milliseconds max_age = 24h * 365;
    StrictTransport strict;
    fields.duration("maxAge", max_age, 0ms, ten_years);
    strict.max_age = std::chrono::duration_cast<seconds>(max_age);
    fields.flag("includeSubDomains", strict.include_subdomains);
    fields.close();
    return strict;
}

}  // namespace

void read_address(Fields& fields, Listener& listener) {
    fields.text("address", listener.address);
    if (!is_ip(listener.address))
        fields.error("address", "must be an IP address such as \"0.0.0.0\", \"127.0.0.1\" or \"::\", not " +
                                    quote(listener.address));
    fields.number("port", listener.port, 1, 65535);
}

void read_door(Fields& listener, const Gateway& gateway, Listener& out) {
    if (const Node* node = listener.find("tls"))
        out.tls = read_tls(node, listener.path_of("tls"), listener.problems());
    listener.flag("http2", out.http2);
    if (out.tls && listener.find("http2"))
        listener.error("http2",
                       "is about HTTP in clear; this listener has tls, so write it there: tls.http2");
    listener.flag("proxyProtocol", out.proxy_protocol);
    if (out.proxy_protocol && gateway.trusted_proxies.empty())
        listener.error("proxyProtocol",
                       "nobody may speak it: name the networks of those who do in spec.trustedProxies");
    out.strict_transport = read_strict_transport(listener);
    if (out.strict_transport && !out.tls)
        listener.error("strictTransportSecurity",
                       "browsers heed it over TLS only; move it to a listener with tls");
    listener.accept({"redirectToHttps", "httpsPort"});
}

void read_redirect(Fields& listener, const Gateway& gateway, Listener& out) {
    bool redirects = false;
    std::uint16_t port = 0;
    listener.flag("redirectToHttps", redirects);
    const bool given = listener.number("httpsPort", port, 1, 65535);
    if (!redirects) {
        if (given) listener.error("httpsPort", "means nothing without redirectToHttps: true");
        return;
    }
    if (out.tls) return listener.error("redirectToHttps", "this listener speaks TLS already");
    const auto secure =
        std::ranges::find_if(gateway.listeners, [](const auto& other) { return other.tls.has_value(); });
    if (!given && secure == gateway.listeners.end())
        return listener.error("redirectToHttps",
                              "no listener has tls; give one, or say in httpsPort where clients find HTTPS");
    out.https_port = given ? port : secure->port;
}

}  // namespace manifest
