#include "proxy/tls/credentials.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "router/routes.hpp"

namespace proxy {

namespace {

constexpr std::size_t longest_file = 1 << 20;
constexpr std::time_t day = 24 * 3600, soon = 14 * day;

struct Contents {
    std::string octets;
    bool open_to_others = false;
};

// Regular files only: a pipe would keep us waiting.
std::variant<Contents, Wrong> read_file(const std::filesystem::path& path) {
    const auto wrong = [&](const char* why) { return Wrong{fmt::format("{}: {}", path.string(), why)}; };
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return wrong(std::strerror(errno));
    struct stat status {};
    const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    Contents contents{std::string(longest_file + 1, '\0'), (status.st_mode & S_IROTH) != 0};
    std::size_t size = 0;
    ssize_t got = regular ? 1 : 0;
    while (got > 0 && size < contents.octets.size()) {
        got = ::read(file, contents.octets.data() + size, contents.octets.size() - size);
        if (got > 0) size += static_cast<std::size_t>(got);
    }
    ::close(file);
    if (!regular) return wrong("it is no regular file");
    if (got < 0) return wrong("it cannot be read");
    if (size > longest_file) return wrong("it is longer than 1 MiB");
    contents.octets.resize(size);
    return contents;
}

OpenSsl<BIO> reader(const std::string& octets) {
    return OpenSsl<BIO>(BIO_new_mem_buf(octets.data(), static_cast<int>(octets.size())));
}

int no_passphrase(char*, int, int, void*) {
    return 0;
}

std::vector<OpenSsl<X509>> certificates_in(const std::string& octets) {
    std::vector<OpenSsl<X509>> all;
    const auto from = reader(octets);
    while (auto* one = PEM_read_bio_X509(from.get(), nullptr, no_passphrase, nullptr)) all.emplace_back(one);
    ERR_clear_error();
    return all;
}

std::string text_of(const ASN1_STRING* string) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string address_of(const ASN1_OCTET_STRING* octets) {
    char text[INET6_ADDRSTRLEN] = "";
    if (ASN1_STRING_length(octets) == 4)
        return ::inet_ntop(AF_INET, ASN1_STRING_get0_data(octets), text, sizeof text);
    if (ASN1_STRING_length(octets) == 16)
        return fmt::format("[{}]", ::inet_ntop(AF_INET6, ASN1_STRING_get0_data(octets), text, sizeof text));
    return {};
}

// The common name says nothing to clients of today (RFC 9525 section 2), so nothing to us.
std::vector<std::string> names_of(X509* certificate) {
    std::vector<std::string> names;
    const OpenSsl<GENERAL_NAMES> all(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
        const auto* name = sk_GENERAL_NAME_value(all.get(), i);
        if (name->type == GEN_DNS) names.push_back(router::normalize_host(text_of(name->d.dNSName)));
        if (name->type == GEN_IPADD) names.push_back(address_of(name->d.iPAddress));
    }
    std::erase(names, "");
    return names;
}

std::time_t seconds_of(const ASN1_TIME* time) {
    std::tm parts{};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

std::string date(std::time_t at) {
    std::tm parts{};
    char text[32] = "";
    ::gmtime_r(&at, &parts);
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
    return text;
}

std::variant<OpenSsl<EVP_PKEY>, Wrong> key_in(const std::string& octets, const std::string& path) {
    const auto from = reader(octets);
    OpenSsl<EVP_PKEY> key(PEM_read_bio_PrivateKey(from.get(), nullptr, no_passphrase, nullptr));
    ERR_clear_error();
    if (key) return key;
    if (octets.find("ENCRYPTED") != std::string::npos)
        return Wrong{
            fmt::format("{}: the key is encrypted and nobody is there to ask for its passphrase; decrypt it "
                        "with: openssl pkey -in {} -out KEY",
                        path, path)};
    return Wrong{fmt::format("{}: there is no private key in PEM in it", path)};
}

// What to know about a certificate that can be served.
std::vector<std::string> remarks(const Credentials& credentials, const manifest::CertificateFiles& files,
                                 std::time_t now) {
    std::vector<std::string> all;
    const auto certificate = files.certificate.string(), key = files.key.string();
    if (now >= credentials.valid_until)
        all.push_back(
            fmt::format("{}: expired on {}; clients refuse it", certificate, date(credentials.valid_until)));
    else if (credentials.valid_until - now < soon)
        all.push_back(fmt::format("{}: expires on {}", certificate, date(credentials.valid_until)));
    if (now < credentials.valid_from)
        all.push_back(fmt::format("{}: is not valid before {}", certificate, date(credentials.valid_from)));
    if (credentials.names.empty())
        all.push_back(
            fmt::format("{}: has no subjectAltName, so no browser takes it and every request is answered 421",
                        certificate));
    if (credentials.key_open_to_others)
        all.push_back(
            fmt::format("{}: everybody on this machine can read the key; chmod o-rwx {}", key, key));
    return all;
}

class Look {
public:
    explicit Look(std::time_t now) : now_(now) {}

    void at(const manifest::CertificateFiles& files) {
        const auto read = read_credentials(files.certificate, files.key);
        if (const auto* wrong = std::get_if<Wrong>(&read)) return say(files.origin, wrong->sentence, false);
        for (const auto& remark : remarks(std::get<Credentials>(read), files, now_))
            say(files.origin, remark, true);
    }

    void at(const manifest::ClientCertificates& clients) {
        const auto read = read_authorities(clients.ca);
        if (const auto* wrong = std::get_if<Wrong>(&read)) say(clients.origin, wrong->sentence, false);
        const auto lists = read_revocations(clients.crl);
        if (const auto* wrong = std::get_if<Wrong>(&lists))
            return say(clients.origin, wrong->sentence, false);
        for (const auto& list : std::get<std::vector<OpenSsl<X509_CRL>>>(lists))
            if (const auto* until = X509_CRL_get0_nextUpdate(list.get()); until && seconds_of(until) <= now_)
                say(clients.origin,
                    fmt::format("{}: was to be renewed by {}; until it is, no client's certificate is taken",
                                clients.crl.string(), date(seconds_of(until))),
                    true);
    }

    std::vector<manifest::Problem> problems;

private:
    void say(const manifest::Origin& at, const std::string& what, bool warning) {
        problems.push_back({at.file, at.line, at.column, at.path + ": " + what, warning});
    }

    std::time_t now_;
};

}  // namespace

std::string openssl_trouble() {
    const auto code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return reason != nullptr ? reason : "unknown error";
}

std::variant<Credentials, Wrong> read_credentials(const std::filesystem::path& certificate,
                                                  const std::filesystem::path& key) {
    const auto certificate_file = read_file(certificate), key_file = read_file(key);
    for (const auto* file : {&certificate_file, &key_file})
        if (const auto* wrong = std::get_if<Wrong>(file)) return *wrong;
    auto all = certificates_in(std::get<Contents>(certificate_file).octets);
    if (all.empty())
        return Wrong{fmt::format("{}: there is no certificate in PEM in it", certificate.string())};
    auto secret = key_in(std::get<Contents>(key_file).octets, key.string());
    if (const auto* wrong = std::get_if<Wrong>(&secret)) return *wrong;

    Credentials credentials;
    credentials.certificate = std::move(all.front());
    for (std::size_t i = 1; i < all.size(); ++i) credentials.chain.push_back(std::move(all[i]));
    credentials.key = std::move(std::get<OpenSsl<EVP_PKEY>>(secret));
    auto* const leaf = credentials.certificate.get();
    if (X509_check_private_key(leaf, credentials.key.get()) != 1) {
        ERR_clear_error();
        return Wrong{
            fmt::format("{}: the key is not the one of {}, whose first certificate must be the server's own",
                        key.string(), certificate.string())};
    }
    credentials.names = names_of(leaf);
    credentials.valid_from = seconds_of(X509_get0_notBefore(leaf));
    credentials.valid_until = seconds_of(X509_get0_notAfter(leaf));
    credentials.key_open_to_others = std::get<Contents>(key_file).open_to_others;
    return credentials;
}

std::variant<std::vector<OpenSsl<X509>>, Wrong> read_authorities(const std::filesystem::path& file) {
    const auto read = read_file(file);
    if (const auto* wrong = std::get_if<Wrong>(&read)) return *wrong;
    auto all = certificates_in(std::get<Contents>(read).octets);
    if (all.empty()) return Wrong{fmt::format("{}: there is no certificate in PEM in it", file.string())};
    return all;
}

std::variant<std::vector<OpenSsl<X509_CRL>>, Wrong> read_revocations(const std::filesystem::path& file) {
    std::vector<OpenSsl<X509_CRL>> all;
    if (file.empty()) return all;
    const auto read = read_file(file);
    if (const auto* wrong = std::get_if<Wrong>(&read)) return *wrong;
    const auto from = reader(std::get<Contents>(read).octets);
    while (auto* one = PEM_read_bio_X509_CRL(from.get(), nullptr, no_passphrase, nullptr))
        all.emplace_back(one);
    ERR_clear_error();
    if (all.empty())
        return Wrong{fmt::format("{}: there is no list of revoked certificates in PEM in it", file.string())};
    return all;
}

std::vector<manifest::Problem> look_at_certificates(const manifest::Gateway& gateway, std::time_t now) {
    Look look(now);
    const auto at = [&](const manifest::Listener& listener) {
        if (!listener.tls) return;
        for (const auto& files : listener.tls->certificates) look.at(files);
        if (listener.tls->clients) look.at(*listener.tls->clients);
    };
    for (const auto& listener : gateway.listeners) at(listener);
    at(gateway.admin);
    return std::move(look.problems);
}

}  // namespace proxy
