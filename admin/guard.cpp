#include "admin/guard.hpp"

#include <fmt/format.h>

#include <fstream>

#include "manifest/key_hash.hpp"
#include "proxy/access/hash.hpp"
#include "proxy/log.hpp"

namespace admin {
namespace {

using proxy::Wrong;

constexpr std::size_t shortest_token = 32;  // fewer characters could be guessed

std::variant<std::string, Wrong> first_line(const std::filesystem::path& file) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error))  // a pipe would keep us waiting
        return Wrong{fmt::format("{}: {}", file.string(), error ? error.message() : "it is no regular file")};
    std::ifstream in(file, std::ios::binary);
    std::string text(4096, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (!in.is_open()) return Wrong{fmt::format("{}: it cannot be read", file.string())};
    text.resize(std::min(text.find('\n'), text.size()));
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
    const auto open_to = std::filesystem::status(file, error).permissions();
    if (!text.starts_with("sha256:") &&
        (open_to & std::filesystem::perms::others_read) != std::filesystem::perms::none)
        log_of(proxy::LogOf::admin)
            .warn("{}: everybody on this machine can read this token of the admin address: chmod o-rwx {}",
                  file.string(), file.string());
    return text;
}

std::variant<Token, Wrong> token_of(const manifest::AdminToken& settings) {
    Token out{settings.name, settings.admin ? Role::admin : Role::read, {}};
    auto hash = settings.hash;
    if (!settings.file.empty()) {
        auto line = first_line(settings.file);
        if (const auto* wrong = std::get_if<Wrong>(&line)) return *wrong;
        hash = std::move(std::get<std::string>(line));
        if (!hash.starts_with("sha256:") && hash.size() < shortest_token)
            return Wrong{fmt::format(
                "{}: a token of fewer than 32 characters could be guessed; `pilotlight hash-key` makes one",
                settings.file.string())};
        if (!hash.starts_with("sha256:")) hash = proxy::hash_of_key(hash);
    }
    const auto parsed = manifest::parse_key_hash(hash);
    if (!parsed || parsed->scrypt)
        return Wrong{fmt::format("{}: its first line is neither a token nor its sha256:... hash",
                                 settings.file.string())};
    out.digest = parsed->digest;
    return out;
}

// Of the very certificates: a file that was only touched is the same.
std::variant<std::string, Wrong> digest_of_authorities(const std::filesystem::path& file) {
    const auto read = proxy::read_authorities(file);
    if (const auto* wrong = std::get_if<Wrong>(&read)) return *wrong;
    std::string all;
    for (const auto& one : std::get<std::vector<proxy::OpenSsl<X509>>>(read)) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned size = 0;
        X509_digest(one.get(), EVP_sha256(), digest.data(), &size);
        all.append(digest.begin(), digest.begin() + size);
    }
    return all;
}

std::optional<Wrong> add_tls(Guard& guard, const manifest::Admin& settings,
                             std::shared_ptr<proxy::TicketKeys> keys, pods::Duration lifetime) {
    if (!settings.tls) return std::nullopt;
    auto made = proxy::TlsContext::make(*settings.tls, false, std::move(keys), lifetime);
    if (auto* wrong = std::get_if<Wrong>(&made)) return std::move(*wrong);
    guard.tls = std::get<std::shared_ptr<const proxy::TlsContext>>(std::move(made));
    for (const auto& files : settings.tls->certificates) {
        const auto read = proxy::read_credentials(files.certificate, files.key);
        if (const auto* mine = std::get_if<proxy::Credentials>(&read))
            guard.hosts.insert(guard.hosts.end(), mine->names.begin(), mine->names.end());
    }
    if (!settings.tls->clients) return std::nullopt;
    auto authority = digest_of_authorities(settings.tls->clients->ca);
    if (auto* wrong = std::get_if<Wrong>(&authority)) return std::move(*wrong);
    guard.authority = std::get<std::string>(std::move(authority));
    guard.access.certificates = true;
    guard.access.certificate_role = settings.certificates.admin ? Role::admin : Role::read;
    guard.access.admins = settings.certificates.admins;
    return std::nullopt;
}

}  // namespace

std::variant<std::shared_ptr<const Guard>, Wrong> make_guard(const manifest::Admin& settings,
                                                             std::shared_ptr<proxy::TicketKeys> keys,
                                                             pods::Duration ticket_lifetime) {
    Guard guard;
    guard.hosts = settings.hosts;
    guard.access.metrics_open = settings.metrics_open;
    for (const auto& one : settings.tokens) {
        auto token = token_of(one);
        if (const auto* wrong = std::get_if<Wrong>(&token))
            return Wrong{fmt::format("{}:{}: {}: {}", one.origin.file, one.origin.line, one.origin.path,
                                     wrong->sentence)};
        guard.access.tokens.push_back(std::get<Token>(std::move(token)));
    }
    if (auto wrong = add_tls(guard, settings, std::move(keys), ticket_lifetime)) return std::move(*wrong);
    return std::make_shared<const Guard>(std::move(guard));
}

std::optional<Wrong> Guards::make(const manifest::Admin& settings, pods::Duration ticket_lifetime) {
    auto keys = ticket_keys_;
    if (!keys || ticket_lifetime_ != ticket_lifetime)
        keys = std::make_shared<proxy::TicketKeys>(ticket_lifetime);
    const auto before = std::exchange(settings_, settings);
    auto stamps = look();
    auto made = make_guard(settings, keys, ticket_lifetime);
    if (auto* wrong = std::get_if<Wrong>(&made)) {
        settings_ = before;
        return std::move(*wrong);
    }
    guard_ = std::get<std::shared_ptr<const Guard>>(std::move(made));
    ticket_keys_ = std::move(keys);
    ticket_lifetime_ = ticket_lifetime;
    files_.made_of(std::move(stamps));
    return std::nullopt;
}

void Guards::watch(Changed changed) {
    files_.begin([this] { return look(); },
                 [this, changed = std::move(changed)] {
                     changed(make(manifest::Admin(settings_), ticket_lifetime_));
                 });
}

proxy::FileStamps Guards::look() const {
    proxy::FileStamps stamps;
    for (const auto& token : settings_.tokens)
        if (!token.file.empty()) stamps.push_back(proxy::stamp_of(token.file));
    if (!settings_.tls) return stamps;
    for (const auto& files : settings_.tls->certificates) {
        stamps.push_back(proxy::stamp_of(files.certificate));
        stamps.push_back(proxy::stamp_of(files.key));
    }
    if (const auto& clients = settings_.tls->clients)
        for (const auto& file : {clients->ca, clients->crl}) stamps.push_back(proxy::stamp_of(file));
    return stamps;
}

}  // namespace admin
