#include "proxy/tls/session.hpp"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace proxy {

namespace {

using boost::system::error_code;

constexpr std::size_t record = 16 << 10;  // RFC 8446 section 5.1: the longest
// OpenSSL asks for a record's first five octets, then for the rest of it: two reads, one of which is spared
// for what fits here.
constexpr std::size_t most_ahead = 1 << 10;
// Changes of keys (RFC 8446 section 4.6.3) and refused handshakes within a connection, in 10 s. OpenSSL goes
// on within one read as long as they come.
constexpr std::size_t most_without_content = 32;

std::string distinguished_name(const X509_NAME* name) {
    const OpenSsl<BIO> out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);  // ASCII: the rest comes escaped
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

// What others left behind, or it would be taken for what comes next. To look is cheaper than to clear.
void forget_errors() {
    if (ERR_peek_error() != 0) ERR_clear_error();
    errno = 0;
}

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c >= ' ' && c <= '~' ? c : '?';
    }
    return out += '"';
}

}  // namespace

// The transport as OpenSSL wants it.
struct TlsBio {
    static TlsSession& session(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

    static int moved(std::size_t octets, const error_code& error) {
        if (!error) return static_cast<int>(octets);
        errno = error.category() == boost::system::system_category() ? error.value() : 0;
        return -1;
    }

    static int write(BIO* bio, const char* octets, int size) {
        BIO_clear_retry_flags(bio);
        error_code error;
        const auto written = session(bio).below_.write_below({octets, static_cast<std::size_t>(size)}, error);
        if (error == boost::asio::error::would_block) BIO_set_retry_write(bio);
        return moved(written, error);
    }

    static int read(BIO* bio, char* into, int size) {
        BIO_clear_retry_flags(bio);
        if (session(bio).too_much_) return moved(0, boost::asio::error::connection_reset);
        error_code error;
        const auto got = session(bio).read_ahead({into, static_cast<std::size_t>(size)}, error);
        if (error == boost::asio::error::would_block) BIO_set_retry_read(bio);
        if (error != boost::asio::error::eof) return moved(got, error);
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
        return 0;
    }

    // False: nothing is there. OpenSSL would say the same, at ten times the cost. An end or an error it will
    // meet again by itself.
    static bool fetch(TlsSession& mine) {
        const auto* const ssl = mine.ssl_.get();
        if (mine.ahead_at_ < mine.ahead_.size() || SSL_has_pending(ssl) == 1) return true;
        if ((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0) return true;
        std::array<char, most_ahead> octets;
        error_code error;
        const auto got = mine.below_.read_below(octets, error);
        if (error) return error != boost::asio::error::would_block;
        mine.ahead_.assign(octets.data(), got);
        mine.ahead_at_ = 0;
        return true;
    }

    static long control(BIO* bio, int command, long, void*) {
        if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }

    static const BIO_METHOD* method() {
        static BIO_METHOD* const method = [] {
            auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "transport");
            BIO_meth_set_write(made, write);
            BIO_meth_set_read(made, read);
            BIO_meth_set_ctrl(made, control);
            return made;
        }();
        return method;
    }
};

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, TlsTransport& below)
    : context_(std::move(context)),
      below_(below),
      ssl_(SSL_new(context_->context())),
      without_content_(most_without_content, pods::Clock::now()) {
    auto* const bio = BIO_new(TlsBio::method());
    if (!ssl_ || bio == nullptr) {
        BIO_free(bio);
        throw std::bad_alloc();
    }
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_accept_state(ssl_.get());
    SSL_set_msg_callback(ssl_.get(), heard);
    SSL_set_msg_callback_arg(ssl_.get(), this);
}

// A handshake within a connection is refused with a warning of ours.
void TlsSession::heard(int is_ours, int, int type, const void* octets, std::size_t size, SSL*,
                       void* session) {
    auto& mine = *static_cast<TlsSession*>(session);
    if (!mine.established_ || type != (is_ours == 0 ? SSL3_RT_HANDSHAKE : SSL3_RT_ALERT)) return;
    const bool refusal = size == 2 && static_cast<const unsigned char*>(octets)[1] == SSL_AD_NO_RENEGOTIATION;
    if (is_ours != 0 && !refusal) return;
    if (!mine.without_content_.take(pods::Clock::now())) mine.too_much_ = true;
}

std::size_t TlsSession::read_ahead(std::span<char> into, error_code& error) {
    if (ahead_at_ == ahead_.size()) {
        if (into.size() >= most_ahead) return below_.read_below(into, error);
        std::array<char, most_ahead> octets;
        const auto got = below_.read_below(octets, error);
        if (error) return 0;
        ahead_.assign(octets.data(), got);
        ahead_at_ = 0;
    }
    const auto octets = std::min(into.size(), ahead_.size() - ahead_at_);
    std::copy_n(ahead_.data() + ahead_at_, octets, into.data());
    ahead_at_ += octets;
    return octets;
}

TlsSession::Step TlsSession::handshake() {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_accept(ssl_.get());
    if (result == 1) {
        established_ = true;
        return Step::done;
    }
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return Step::wants_to_read;
        case SSL_ERROR_WANT_WRITE:
            return Step::wants_to_write;
        case SSL_ERROR_SYSCALL:
            trouble_ = errno != 0 ? std::strerror(errno) : "the client left";
            break;
        default:
            trouble_ = openssl_trouble();
    }
    broken_ = true;
    return Step::failed;
}

std::optional<TlsSession::Moved> TlsSession::outcome(bool& waits_the_other_way, bool other_way_is_write) {
    const int system = errno;
    switch (SSL_get_error(ssl_.get(), 0)) {
        case SSL_ERROR_WANT_READ:
            waits_the_other_way = !other_way_is_write;
            return std::nullopt;
        case SSL_ERROR_WANT_WRITE:
            waits_the_other_way = other_way_is_write;
            return std::nullopt;
        case SSL_ERROR_ZERO_RETURN:
            return Moved{boost::asio::error::eof, 0};
        case SSL_ERROR_SYSCALL:
            broken_ = true;
            if (system != 0) return Moved{error_code(system, boost::system::system_category()), 0};
            return Moved{boost::asio::error::eof, 0};
        default:
            break;
    }
    broken_ = true;
    const bool truncated = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    trouble_ = openssl_trouble();
    if (truncated) return Moved{boost::asio::error::eof, 0};
    return Moved{boost::asio::error::connection_reset, 0};
}

std::optional<TlsSession::Moved> TlsSession::read(std::span<char> into) {
    if (broken_) return Moved{boost::asio::error::connection_reset, 0};
    const bool has_waited_to_write = std::exchange(reading_waits_to_write_, false);
    if (!has_waited_to_write && !TlsBio::fetch(*this)) return std::nullopt;
    forget_errors();
    std::size_t octets = 0;
    if (SSL_read_ex(ssl_.get(), into.data(), into.size(), &octets) == 1) return Moved{{}, octets};
    return outcome(reading_waits_to_write_, true);
}

// One record for a few small pieces, or each would be a record and a packet of its own.
std::optional<TlsSession::Moved> TlsSession::write(std::span<const std::string_view> pieces) {
    if (broken_) return Moved{boost::asio::error::broken_pipe, 0};
    writing_waits_to_read_ = false;
    std::array<char, record> gathered;
    std::string_view octets;
    while (!pieces.empty() && pieces.front().empty()) pieces = pieces.subspan(1);
    while (!pieces.empty() && pieces.back().empty()) pieces = pieces.first(pieces.size() - 1);
    if (!pieces.empty() && (pieces.front().size() >= record || pieces.size() == 1)) {
        octets = pieces.front().substr(0, record);
    } else {
        std::size_t size = 0;
        for (const auto piece : pieces) {
            const auto fits = std::min(piece.size(), record - size);
            std::copy_n(piece.data(), fits, gathered.data() + size);
            size += fits;
        }
        octets = {gathered.data(), size};
    }
    if (octets.empty()) return Moved{};
    forget_errors();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), octets.data(), octets.size(), &written) == 1) {
        write_pending_ = false;
        return Moved{{}, written};
    }
    const auto moved = outcome(writing_waits_to_read_, false);
    write_pending_ = !moved.has_value();
    return moved;
}

void TlsSession::end() {
    if (!established_ || broken_ || write_pending_) return;  // half a record is out: there is no good end
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
}

std::string_view TlsSession::alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsSession::server_name() const {
    const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name != nullptr ? std::string_view(name) : std::string_view{};
}

const std::vector<std::string>& TlsSession::names() const {
    return context_->identity(ssl_.get()).names;
}

std::string TlsSession::client_certificate() const {
    const OpenSsl<X509> certificate(SSL_get1_peer_certificate(ssl_.get()));
    if (!certificate || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return {};
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size);
    std::string hash;
    for (unsigned i = 0; i < size; ++i) hash += fmt::format("{:02x}", digest[i]);
    return fmt::format("Hash={};Subject={}", hash,
                       in_quotes(distinguished_name(X509_get_subject_name(certificate.get()))));
}

}  // namespace proxy
