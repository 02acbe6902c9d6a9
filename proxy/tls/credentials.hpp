// A certificate with its chain and its key, read from PEM files, and what is wrong with them in words.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "manifest/configuration.hpp"
#include "manifest/problem.hpp"

namespace proxy {

struct FreeOpenSsl {
    void operator()(X509* x) const { X509_free(x); }
    void operator()(X509_CRL* x) const { X509_CRL_free(x); }
    void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
    void operator()(BIO* x) const { BIO_free(x); }
    void operator()(SSL_CTX* x) const { SSL_CTX_free(x); }
    void operator()(SSL* x) const { SSL_free(x); }
    void operator()(GENERAL_NAMES* x) const { GENERAL_NAMES_free(x); }
};
template <class Object>
using OpenSsl = std::unique_ptr<Object, FreeOpenSsl>;

struct Wrong {  // one sentence for people
    std::string sentence;
};

struct Credentials {
    OpenSsl<X509> certificate;
    std::vector<OpenSsl<X509>> chain;
    OpenSsl<EVP_PKEY> key;
    std::vector<std::string> names;  // subjectAltName, as tls/names.hpp compares them
    std::time_t valid_from = 0, valid_until = 0;
    bool key_open_to_others = false;
};

std::variant<Credentials, Wrong> read_credentials(const std::filesystem::path& certificate,
                                                  const std::filesystem::path& key);

// Certificates that vouch for clients.
std::variant<std::vector<OpenSsl<X509>>, Wrong> read_authorities(const std::filesystem::path& file);

// Which of their certificates they have revoked.
std::variant<std::vector<OpenSsl<X509_CRL>>, Wrong> read_revocations(const std::filesystem::path& file);

// What would keep a gateway with these listeners from serving, and what should be known about their
// certificates, each with the place in the manifest.
std::vector<manifest::Problem> look_at_certificates(const manifest::Gateway&, std::time_t now);

// OpenSSL's own words for what just went wrong on this thread; forgets it.
std::string openssl_trouble();

}  // namespace proxy
