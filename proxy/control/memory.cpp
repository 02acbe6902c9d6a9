#include "proxy/control/memory.hpp"

#include "proxy/log.hpp"

#include <fstream>
#include <iterator>

namespace proxy {
namespace {

constexpr std::uintmax_t largest_file = 4 << 20;  // far more than all rungs need

// Both are DNS labels: no name of them leaves the folder or meets another.
std::string file_name(const std::string& name_space, const std::string& service) {
    return name_space + "." + service;
}

}  // namespace

std::optional<std::string> Memory::load(const std::string& name_space, const std::string& service) const {
    if (folder_.empty()) return std::nullopt;
    const auto path = folder_ / file_name(name_space, service);
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error || size > largest_file) return std::nullopt;
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in.is_open()) return std::nullopt;
    return text;
}

// Written beside and moved into place: half a memory is never read.
void Memory::store(const std::string& name_space, const std::string& service, const std::string& text) const {
    if (folder_.empty()) return;
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    const auto path = folder_ / file_name(name_space, service);
    auto draft = path;
    draft += "~";  // no DNS label ends like that
    {
        std::ofstream out(draft, std::ios::binary | std::ios::trunc);
        out << text;
        if (!out.flush()) {
            log_of(LogOf::scaler)
                .warn(
                    "what {}/{} has learnt cannot be kept in {} and is forgotten at a restart: make room "
                    "there, or let the gateway write",
                    name_space, service, path.string());
            return;
        }
    }
    std::filesystem::rename(draft, path, error);
    if (error)
        log_of(LogOf::scaler)
            .warn("{} cannot be written, what was learnt is forgotten at a restart: {}", path.string(),
                  error.message());
}

}  // namespace proxy
