#include "cli/state.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace cli {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& path) {
    throw std::runtime_error(fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

std::filesystem::path home_state() {
    if (const char* xdg = std::getenv("XDG_STATE_HOME"); xdg != nullptr && *xdg == '/')
        return std::filesystem::path(xdg) / "pilotlight";
    if (::geteuid() == 0) return "/var/lib/pilotlight";
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
        return std::filesystem::path(home) / ".local/state/pilotlight";
    return std::filesystem::temp_directory_path() / fmt::format("pilotlight-{}", ::geteuid());
}

void make_directory(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error)
        throw std::runtime_error(
            fmt::format("cannot make the directory {}: {}; spec.stateDir of the Gateway chooses another",
                        path.string(), error.message()));
}

proxy::CookieKey::Octets read_key(const std::filesystem::path& path) {
    proxy::CookieKey::Octets key{};
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail("open the cookie key", path);
    struct stat status {};
    const bool open_to_others = ::fstat(file, &status) == 0 && (status.st_mode & 077) != 0;
    const auto got = ::read(file, key.data(), key.size());
    ::close(file);
    if (open_to_others)
        throw std::runtime_error(
            fmt::format("the cookie key {} can be read by others; chmod 600 it", path.string()));
    if (got != static_cast<ssize_t>(key.size()))
        throw std::runtime_error(
            fmt::format("the cookie key {} is shorter than {} octets; make one with: head -c 32 /dev/urandom",
                        path.string(), key.size()));
    return key;
}

// Written beside and linked into place: whoever comes first wins, and nobody reads half a key.
void make_key(const std::filesystem::path& path) {
    proxy::CookieKey::Octets key{};
    if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1)
        throw std::runtime_error("the system's random generator failed");
    auto draft = path.string() + ".XXXXXX";
    const int file = ::mkostemp(draft.data(), O_CLOEXEC);  // mode 0600
    if (file < 0) fail("write the cookie key", path);
    const bool written =
        ::write(file, key.data(), key.size()) == static_cast<ssize_t>(key.size()) && ::fsync(file) == 0;
    ::close(file);
    const bool linked = written && (::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST);
    ::unlink(draft.c_str());
    if (!linked) fail("write the cookie key", path);
}

}  // namespace

std::filesystem::path state_directory(const manifest::Gateway& gateway) {
    auto path = gateway.state_dir.empty() ? home_state() : std::filesystem::absolute(gateway.state_dir);
    make_directory(path);
    return path;
}

pods::UniqueFd lock_state(const std::filesystem::path& state) {
    const auto path = state / "lock";
    pods::UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) fail("open", path);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
        throw std::runtime_error(fmt::format(
            "another gateway uses the state directory {}; give this one its own: --state-dir PATH",
            state.string()));
    return file;
}

std::filesystem::path spool_directory(const std::filesystem::path& state) {
    const auto path = state / "spool";
    make_directory(path);
    return path;
}

proxy::CookieKey cookie_key(const manifest::Gateway& gateway, const std::filesystem::path& state) {
    if (!gateway.cookie_key_file.empty()) return proxy::CookieKey(read_key(gateway.cookie_key_file));
    const auto path = state / "cookie.key";
    if (!std::filesystem::exists(path)) make_key(path);
    return proxy::CookieKey(read_key(path));
}

}  // namespace cli
