#include "proxy/tls/context.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>

#include "proxy/tls/names.hpp"
#include "router/routes.hpp"

namespace proxy {

namespace {

// RFC 9325 section 4: forward secrecy and authenticated encryption, nothing else.
constexpr auto ciphers_1_2 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr auto ciphers_1_3 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr auto groups = "X25519:P-256:P-384";

int slot_of_owner() {  // where an SSL_CTX keeps its TlsContext
    static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return slot;
}

const TlsContext& owner(const SSL* ssl) {
    return *static_cast<const TlsContext*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), slot_of_owner()));
}

int choose_certificate(SSL* ssl, int* alert, void*) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const auto* identity = owner(ssl).choose(name != nullptr ? name : "");
    if (identity == nullptr) {
        *alert = SSL_AD_UNRECOGNIZED_NAME;
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    SSL_set_SSL_CTX(ssl, identity->context.get());
    return name != nullptr ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// RFC 7301 section 3.2: nothing in common is fatal.
int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* size, const unsigned char* in,
                    unsigned in_size, void*) {
    static constexpr unsigned char both[] = "\x02h2\x08http/1.1";
    const bool http2 = owner(ssl).http2();
    const auto* ours = http2 ? both : both + 3;
    const auto ours_size = static_cast<unsigned>(sizeof both - 1 - (http2 ? 0 : 3));
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, size, ours, ours_size, in, in_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

bool key_cipher(const TicketKeys::Key& key, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                bool seal) {
    static char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.mac.data()),
                                          key.mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, seal ? 1 : 0) == 1 &&
           EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 0 no such key, 1 good, 2 good and to be replaced, -1 failed.
int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
               int seal) {
    auto& keys = owner(ssl).ticket_keys();
    const auto now = pods::Clock::now();
    if (seal == 1) {
        const auto key = keys.to_seal(now);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
        std::ranges::copy(key.name, name);
        return key_cipher(key, iv, cipher, mac, true) ? 1 : -1;
    }
    const auto found = keys.to_open(name, now);
    if (!found) return 0;
    if (!key_cipher(found->key, iv, cipher, mac, false)) return -1;
    return found->old ? 2 : 1;
}

// Who vouches for clients, and whom they vouch for no more.
struct Authorities {
    std::vector<OpenSsl<X509>> certificates;
    std::vector<OpenSsl<X509_CRL>> revocations;
};

std::variant<Authorities, Wrong> authorities_of(const manifest::Tls& tls) {
    Authorities authorities;
    if (!tls.clients) return authorities;
    auto certificates = read_authorities(tls.clients->ca);
    if (const auto* wrong = std::get_if<Wrong>(&certificates)) return *wrong;
    auto revocations = read_revocations(tls.clients->crl);
    if (const auto* wrong = std::get_if<Wrong>(&revocations)) return *wrong;
    authorities.certificates = std::move(std::get<0>(certificates));
    authorities.revocations = std::move(std::get<0>(revocations));
    return authorities;
}

// A ticket made where other clients are let in must not let anybody in here, nor one of a certificate that
// has been revoked since.
std::array<unsigned char, 32> session_context(const manifest::Tls& tls, const Authorities& authorities) {
    std::string seed = tls.clients ? (tls.clients->required ? "require" : "request") : "anybody";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    for (const auto& authority : authorities.certificates) {
        X509_digest(authority.get(), EVP_sha256(), digest.data(), &size);
        seed.append(digest.begin(), digest.begin() + size);
    }
    for (const auto& list : authorities.revocations) {
        X509_CRL_digest(list.get(), EVP_sha256(), digest.data(), &size);
        seed.append(digest.begin(), digest.begin() + size);
    }
    std::array<unsigned char, 32> out{};
    EVP_Digest(seed.data(), seed.size(), out.data(), nullptr, EVP_sha256(), nullptr);
    return out;
}

void ask_clients(SSL_CTX* context, bool required, const Authorities& authorities) {
    auto* const store = SSL_CTX_get_cert_store(context);
    for (const auto& authority : authorities.certificates) {
        X509_STORE_add_cert(store, authority.get());
        SSL_CTX_add_client_CA(context, authority.get());
    }
    for (const auto& list : authorities.revocations) X509_STORE_add_crl(store, list.get());
    // An authority without a list, or with one that is out of date, vouches for nobody then.
    if (!authorities.revocations.empty()) X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
}

OpenSsl<SSL_CTX> new_context(const manifest::Tls& tls, const TlsContext* whose,
                             pods::Duration ticket_lifetime) {
    OpenSsl<SSL_CTX> made(SSL_CTX_new(TLS_server_method()));
    auto* context = made.get();
    if (context == nullptr) return made;
    SSL_CTX_set_ex_data(context, slot_of_owner(), const_cast<TlsContext*>(whose));
    SSL_CTX_set_security_level(context, 2);
    SSL_CTX_set_min_proto_version(context, tls.only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_NO_ENCRYPT_THEN_MAC);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, std::chrono::duration_cast<std::chrono::seconds>(ticket_lifetime).count());
    SSL_CTX_set_max_early_data(context, 0);  // it can be replayed, and a generation costs money
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key);
    SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    if (SSL_CTX_set_cipher_list(context, ciphers_1_2) != 1 ||
        SSL_CTX_set_ciphersuites(context, ciphers_1_3) != 1 || SSL_CTX_set1_groups_list(context, groups) != 1)
        made.reset();
    return made;
}

bool show(SSL_CTX* context, const Credentials& credentials) {
    if (SSL_CTX_use_certificate(context, credentials.certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, credentials.key.get()) != 1)
        return false;
    for (const auto& link : credentials.chain)
        if (SSL_CTX_add1_chain_cert(context, link.get()) != 1) return false;
    return true;
}

}  // namespace

std::variant<std::shared_ptr<const TlsContext>, Wrong> TlsContext::make(const manifest::Tls& tls, bool http2,
                                                                        std::shared_ptr<TicketKeys> keys,
                                                                        pods::Duration ticket_lifetime) {
    const std::shared_ptr<TlsContext> made(new TlsContext);
    made->ticket_keys_ = std::move(keys);
    made->reject_unknown_ = tls.reject_unknown_names;
    made->http2_ = http2;
    const auto clients = authorities_of(tls);
    if (const auto* wrong = std::get_if<Wrong>(&clients)) return *wrong;
    const auto& authorities = std::get<Authorities>(clients);
    const auto id = session_context(tls, authorities);
    for (const auto& files : tls.certificates) {
        auto read = read_credentials(files.certificate, files.key);
        if (const auto* wrong = std::get_if<Wrong>(&read)) return *wrong;
        auto& credentials = std::get<Credentials>(read);
        auto context = new_context(tls, made.get(), ticket_lifetime);
        if (!context || !show(context.get(), credentials))
            return Wrong{fmt::format("{}: OpenSSL does not take it: {}", files.certificate.string(),
                                     openssl_trouble())};
        SSL_CTX_set_session_id_context(context.get(), id.data(), static_cast<unsigned>(id.size()));
        if (tls.clients) ask_clients(context.get(), tls.clients->required, authorities);
        made->valid_until_ = std::min(made->valid_until_, credentials.valid_until);
        made->identities_.push_back({std::move(credentials.names), std::move(context)});
    }
    if (made->identities_.empty()) return Wrong{"a TLS listener needs a certificate"};
    return std::shared_ptr<const TlsContext>(made);
}

const TlsContext::Identity& TlsContext::identity(const SSL* ssl) const {
    const auto* context = SSL_get_SSL_CTX(ssl);
    for (const auto& identity : identities_)
        if (identity.context.get() == context) return identity;
    return identities_.front();
}

const TlsContext::Identity* TlsContext::choose(std::string_view server_name) const {
    if (server_name.empty()) return &identities_.front();
    const auto name = router::normalize_host(server_name);
    for (const auto& identity : identities_)  // the very name goes before a wildcard
        if (std::ranges::find(identity.names, name) != identity.names.end()) return &identity;
    for (const auto& identity : identities_)
        if (covers(identity.names, name)) return &identity;
    return reject_unknown_ ? nullptr : &identities_.front();
}

}  // namespace proxy
