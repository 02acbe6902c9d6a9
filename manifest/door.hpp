// What a listener says about its connections: TLS, the PROXY protocol, where plain requests are sent.
#pragma once

#include "manifest/configuration.hpp"
#include "manifest/fields.hpp"

namespace manifest {

constexpr std::uint16_t tls_port = 8443;  // of a listener with tls that names no port

// address and port.
void read_address(Fields& fields, Listener& listener);

// A PEM file's path, which must be there.
void read_file(Fields& fields, std::string_view name, std::filesystem::path& out);

// The list of revoked certificates, which need not be there.
void read_revocations(Fields& fields, ClientCertificates& out);

// Where these fields stand.
Origin origin_of(const Fields& fields);

// tls, proxyProtocol and strictTransportSecurity of one listener; the trusted proxies are read already.
void read_door(Fields& listener, const Gateway& gateway, Listener& out);

// redirectToHttps and httpsPort, once all listeners are known: `out` is one of them.
void read_redirect(Fields& listener, const Gateway& gateway, Listener& out);

}  // namespace manifest
