#include "manifest/admin.hpp"

#include <set>

#include "manifest/door.hpp"
#include "manifest/key_hash.hpp"
#include "manifest/names.hpp"

namespace manifest {
namespace {

constexpr std::size_t most_tokens = 100;
constexpr auto make_token = "`pilotlight hash-key` makes a token and its hash";

bool read_role(Fields& fields, const std::string& otherwise) {
    std::string role = otherwise;
    fields.one_of("role", role, {"read", "admin"});
    return role == "admin";
}

AdminToken read_token(const Node& node, const std::string& path, Problems& problems) {
    Fields fields(&node, path, problems);
    AdminToken token;
    if (fields.need_text("name", token.name) && (token.name.size() > 64 || !is_token(token.name)))
        fields.error("name", "must be a word of up to 64 letters, digits and -_. , not " + quote(token.name));
    token.admin = read_role(fields, "read");
    std::string file;
    fields.text("hash", token.hash);
    fields.text("file", file);
    token.file = file;
    if (token.hash.empty() == file.empty())
        fields.error("hash", std::string("a token needs either hash or file; ") + make_token);
    // What was given by mistake instead of the hash must not be repeated.
    const auto hash = parse_key_hash(token.hash);
    if (!token.hash.empty() && !hash)
        fields.error("hash", std::string("must be sha256:... and 64 hexadecimal digits; ") + make_token);
    if (hash && hash->scrypt) fields.error("hash", std::string("a password could be guessed; ") + make_token);
    fields.close();
    token.origin = origin_of(fields);
    return token;
}

void read_tokens(Fields& fields, Admin& admin) {
    const auto path = fields.path_of("tokens");
    std::set<std::string> names;
    for (const auto& item : read_list(fields.find("tokens"), path, fields.problems())) {
        auto token =
            read_token(*item, path + "[" + std::to_string(admin.tokens.size()) + "]", fields.problems());
        if (!token.name.empty() && !names.insert(token.name).second)
            fields.problems().error(item->place, path + ": " + quote(token.name) + " is there twice");
        admin.tokens.push_back(std::move(token));
    }
    if (admin.tokens.size() > most_tokens)
        fields.error("tokens", "there may be " + std::to_string(most_tokens) + " at most");
}

void read_clients(Fields& tls, Admin& admin) {
    const Node* node = tls.find("clientCertificates");
    if (!node) return;
    Fields fields(node, tls.path_of("clientCertificates"), tls.problems());
    ClientCertificates clients;
    clients.required = false;  // who has none may have a token, and probes have neither
    read_file(fields, "ca", clients.ca);
    read_revocations(fields, clients);
    admin.certificates.admin = read_role(fields, "read");
    fields.texts("admins", admin.certificates.admins);
    if (admin.certificates.admin && !admin.certificates.admins.empty())
        fields.error("admins", "means nothing with role: admin, which makes all of them admins");
    fields.close();
    clients.origin = origin_of(fields);
    admin.tls->clients = std::move(clients);
}

void read_tls(Fields& admin_fields, Admin& admin) {
    const Node* node = admin_fields.find("tls");
    if (!node) return;
    Fields fields(node, admin_fields.path_of("tls"), admin_fields.problems());
    admin.tls.emplace();
    admin.tls->http2 = false;
    CertificateFiles files;
    read_file(fields, "certificate", files.certificate);
    read_file(fields, "key", files.key);
    std::string minimum = "1.2";
    fields.one_of("minimumVersion", minimum, {"1.2", "1.3"});
    admin.tls->only_1_3 = minimum == "1.3";
    read_clients(fields, admin);
    fields.close();
    files.origin = origin_of(fields);
    admin.tls->certificates.push_back(std::move(files));
}

// Off loopback nobody gets in without saying who he is, and not in the clear.
void check_reach(const Node& node, const Fields& fields, const Admin& admin) {
    if (is_loopback(admin.address) || !is_ip(admin.address)) return;
    const bool known = !admin.tokens.empty() || (admin.tls && admin.tls->clients);
    if (!known)
        fields.problems().error(
            node.place,
            fields.path() + ": whoever reaches " + admin.address +
                " could change everything: give tokens: [{name: NAME, role: admin, hash: HASH}] (" +
                make_token + ") and tls: {certificate: FILE, key: FILE}, or keep it on 127.0.0.1");
    else if (!admin.tls)
        fields.problems().error(node.place,
                                fields.path() + ": tokens would go to " + admin.address +
                                    " in the clear: give tls: {certificate: FILE, key: FILE}, or keep it on "
                                    "127.0.0.1 behind a proxy that speaks TLS");
}

}  // namespace

bool is_loopback(std::string_view address) {
    return address.starts_with("127.") || address == "::1";
}

void read_admin(Fields& spec, Gateway& gateway) {
    const Node* node = spec.find("admin");
    auto& admin = gateway.admin;
    Fields fields(node, spec.path_of("admin"), spec.problems());
    read_address(fields, admin);
    fields.texts("hosts", admin.hosts);
    for (const auto& host : admin.hosts)
        if (const auto reason = not_dns1123_subdomain(host); !reason.empty())
            fields.error("hosts", quote(host) + ": " + reason);
    read_tokens(fields, admin);
    read_tls(fields, admin);
    fields.flag("metricsOpen", admin.metrics_open);
    fields.close();
    if (node) check_reach(*node, fields, admin);
    for (const auto& listener : gateway.listeners)
        if (listener.port == admin.port &&
            (listener.address == admin.address || listener.address == "0.0.0.0" || listener.address == "::"))
            return spec.error("admin", "port " + std::to_string(listener.port) + " is taken by a listener");
}

}  // namespace manifest
