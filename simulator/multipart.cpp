#include "simulator/multipart.hpp"

namespace simulator {
namespace {

// The value of NAME="..." in a header line.
std::string attribute(std::string_view line, std::string_view name) {
    const std::string key = " " + std::string(name) + "=\"";
    const auto at = line.find(key);
    if (at == std::string_view::npos) return {};
    const auto value = line.substr(at + key.size());
    return std::string(value.substr(0, value.find('"')));
}

}  // namespace

std::vector<FormPart> form_parts(std::string_view content_type, std::string_view body) {
    constexpr std::string_view key = "boundary=";
    const auto at = content_type.find(key);
    if (!content_type.starts_with("multipart/form-data") || at == std::string_view::npos) return {};
    std::string_view word = content_type.substr(at + key.size());
    word = word.substr(0, word.find(';'));
    if (word.size() > 1 && word.front() == '"') word = word.substr(1, word.size() - 2);
    const std::string boundary = "--" + std::string(word);

    std::vector<FormPart> parts;
    constexpr std::size_t most_parts = 100;
    auto from = body.find(boundary);
    while (from != std::string_view::npos && parts.size() < most_parts) {
        from += boundary.size();
        const auto until = body.find("\r\n" + boundary, from);
        if (until == std::string_view::npos) break;
        const std::string_view part = body.substr(from, until - from);
        const auto blank = part.find("\r\n\r\n");
        if (blank == std::string_view::npos) break;
        FormPart made;
        made.name = attribute(part.substr(0, blank), "name");
        made.filename = attribute(part.substr(0, blank), "filename");
        made.filename = made.filename.substr(made.filename.find_last_of("/\\") + 1);
        made.body = part.substr(blank + 4);
        parts.push_back(std::move(made));
        from = until + 2;
    }
    return parts;
}

}  // namespace simulator
