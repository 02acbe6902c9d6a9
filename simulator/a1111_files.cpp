// What file= serves: the page's scripts, images made here and files uploaded here.
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <filesystem>

#include "simulator/a1111.hpp"
#include "simulator/login.hpp"
#include "simulator/multipart.hpp"
#include "simulator/pod.hpp"

namespace simulator::a1111_handlers {
namespace {

constexpr std::size_t script_bytes = 6000;

std::string script(int number) {
    std::string text =
        "// " + std::to_string(number) + " of the page's scripts; it is its size that matters.\n";
    const std::string line =
        "window.sdScripts = (window.sdScripts || 0) + " + std::to_string(number) + " * 0;\n";
    text += "window.sdLoaded = (window.sdLoaded || 0) + 1;\n";
    while (text.size() + line.size() < script_bytes) text += line;
    text.resize(script_bytes, ' ');
    return text;
}

// One byte range, as starlette's FileResponse of gradio serves it; anything else is the whole file.
Reply ranged(std::string_view range, std::string_view type, const std::string& bytes) {
    Reply whole;
    whole.type = type;
    whole.body = bytes;
    whole.headers.emplace_back("Accept-Ranges", "bytes");
    constexpr std::string_view unit = "bytes=";
    if (!range.starts_with(unit)) return whole;
    const std::string_view wanted = range.substr(unit.size());
    std::size_t first = 0, last = bytes.size() - 1;
    const auto dash = wanted.find('-');
    const auto number = [](std::string_view text, std::size_t& value) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        return error == std::errc{} && end == text.data() + text.size();
    };
    if (dash == std::string_view::npos || !number(wanted.substr(0, dash), first)) return whole;
    if (dash + 1 < wanted.size() && !number(wanted.substr(dash + 1), last)) return whole;
    last = std::min(last, bytes.size() - 1);
    if (first > last) {
        whole.status = http::status::range_not_satisfiable;
        whole.body.clear();
        whole.headers.emplace_back("Content-Range", "bytes */" + std::to_string(bytes.size()));
        return whole;
    }
    whole.status = http::status::partial_content;
    whole.body = bytes.substr(first, last - first + 1);
    whole.headers.emplace_back(
        "Content-Range",
        "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(bytes.size()));
    return whole;
}

// The number of file=javascript/N.js; below 0: it is none of them.
int script_number(std::string_view name) {
    constexpr std::string_view folder = "javascript/", end = ".js";
    if (!name.starts_with(folder) || !name.ends_with(end)) return -1;
    const std::string_view digits = name.substr(folder.size(), name.size() - folder.size() - end.size());
    int number = -1;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool known = error == std::errc{} && stop == digits.data() + digits.size() && number < page_scripts;
    return known ? number : -1;
}

std::string unescaped(std::string_view path) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        unsigned char byte = 0;
        const bool escape =
            path[i] == '%' && i + 2 < path.size() &&
            std::from_chars(path.data() + i + 1, path.data() + i + 3, byte, 16).ptr == path.data() + i + 3;
        out += escape ? static_cast<char>(byte) : path[i];
        if (escape) i += 2;
    }
    return out;
}

std::string_view type_of(std::string_view name) {
    if (name.ends_with(".png")) return "image/png";
    if (name.ends_with(".jpg") || name.ends_with(".jpeg")) return "image/jpeg";
    return "application/octet-stream";
}

}  // namespace

Reply file(Pod& pod, const Call& call) {
    if (!logged_in(pod, call)) return not_authenticated();
    const std::string whole = unescaped(call.path.substr(std::string_view("/file=").size()));
    std::string_view name = whole;
    if (const int number = script_number(name); number >= 0)
        return ranged(call.range, "application/javascript", script(number));
    if (name.starts_with(pod.temp_dir + "/")) name.remove_prefix(pod.temp_dir.size() + 1);
    if (const std::string* bytes = pod.file(name)) return ranged(call.range, type_of(name), *bytes);
    const std::string said(name.substr(0, 200));
    std::error_code ignored;
    if (std::filesystem::exists(whole, ignored))
        return Reply::detail(http::status::forbidden, "File not allowed: " + said + ".");
    return Reply::detail(http::status::not_found, "File not found: " + said + ".");
}

Reply upload(Pod& pod, const Call& call) {
    if (!logged_in(pod, call)) return not_authenticated();
    boost::json::array paths;
    for (const FormPart& part : form_parts(call.type, call.body)) {
        if (part.name != "files" || part.filename.empty()) continue;
        const std::string name = "uploads/" + pod.next_task("upload") + "/" + part.filename;
        pod.keep_file(name, std::string(part.body));
        paths.emplace_back(pod.temp_dir + "/" + name);
    }
    if (paths.empty())
        return Reply::json(
            R"({"detail":[{"loc":["body","files"],"msg":"field required","type":"value_error.missing"}]})",
            http::status::unprocessable_entity);
    return Reply::json(boost::json::serialize(paths));
}

}  // namespace simulator::a1111_handlers
