#include "pods/environment.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace pods {

namespace {

const std::string* look_up(const Variables& in, const std::string& name) {
    const auto found = in.find(name);
    return found == in.end() ? nullptr : &found->second;
}

bool is_base(std::string_view name) {
    static constexpr std::array whole{
        "PATH",        "HOME",        "USER",      "LOGNAME",      "SHELL",
        "LANG",        "LANGUAGE",    "TZ",        "TMPDIR",       "LD_LIBRARY_PATH",
        "http_proxy",  "https_proxy", "no_proxy",  "all_proxy",    "HTTP_PROXY",
        "HTTPS_PROXY", "NO_PROXY",    "ALL_PROXY", "SSL_CERT_DIR", "SSL_CERT_FILE"};
    static constexpr std::array beginnings{"LC_", "XDG_", "CUDA_", "NVIDIA_"};
    return std::any_of(whole.begin(), whole.end(), [&](const char* one) { return name == one; }) ||
           std::any_of(beginnings.begin(), beginnings.end(),
                       [&](const char* one) { return name.starts_with(one); });
}

Variables identity(const PodSpec& spec, std::uint16_t port) {
    return {{"K_SERVICE", spec.service},
            {"K_CONFIGURATION", spec.service},  // a Knative Service's Configuration has its name
            {"K_REVISION", spec.revision},
            {"PORT", std::to_string(port)},
            {"HOSTNAME", spec.name},
            {"POD_NAME", spec.name},
            {"POD_NAMESPACE", spec.name_space},
            {"POD_ORDINAL", std::to_string(ordinal(spec.name))}};
}

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
    return out;
}

}  // namespace

std::string expand(std::string_view text, const std::function<const std::string*(const std::string&)>& find) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char next = text[++i];
        const auto close = next == '(' ? text.find(')', i) : text.npos;
        if (close != text.npos) {
            const std::string name(text.substr(i + 1, close - i - 1));
            const std::string* value = find(name);
            out += value ? *value : "$(" + name + ")";
            i = close;
        } else {
            out += '$';
            if (next != '$') out += next;
        }
    }
    return out;
}

const ImageRule* find_rule(const std::vector<ImageRule>& rules, std::string_view image) {
    const ImageRule* best = nullptr;
    for (const auto& rule : rules) {
        if (rule.image == image) return &rule;
        if (!rule.image.ends_with('*')) continue;
        const auto prefix = std::string_view(rule.image).substr(0, rule.image.size() - 1);
        if (image.starts_with(prefix) && (!best || rule.image.size() > best->image.size())) best = &rule;
    }
    return best;
}

Variables base_environment(const char* const* all) {
    Variables base;
    for (; all && *all; ++all) {
        const std::string_view entry = *all;
        const auto equals = entry.find('=');
        if (equals != entry.npos && is_base(entry.substr(0, equals)))
            base.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    return base;
}

int ordinal(std::string_view pod_name) {
    const auto last = pod_name.find_last_not_of("0123456789");
    const auto digits = last == pod_name.npos ? pod_name : pod_name.substr(last + 1);
    int number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && number > 0 ? number - 1 : 0;
}

std::variant<CommandLine, Failure> command_line(const PodSpec& spec, const ImageRule* rule,
                                                const Variables& base, std::uint16_t port,
                                                const std::vector<std::string>& gpus) {
    const auto& container = spec.container;
    if (container.command.empty() && (!rule || rule->command.empty())) {
        const std::string why =
            rule ? "the rule for image '" + container.image + "' gives no command, nor does the manifest"
                 : "no rule says how image '" + container.image + "' runs on this machine";
        return Failure{"ErrImagePull",
                       why + "; add to the Gateway manifest, under driver.process.images: {image: \"" +
                           container.image + "\", command: [PROGRAM], args: [--port, $(PORT)]}"};
    }

    Variables own = identity(spec, port);  // what the manifest's own references see
    const auto in_manifest = [&](const std::string& name) { return look_up(own, name); };
    for (const auto& [name, value] : container.env) own[name] = expand(value, in_manifest);

    Variables all = base;
    for (const auto& [name, value] : own) all[name] = value;
    const auto in_rule = [&](const std::string& name) { return look_up(all, name); };
    if (rule) {
        for (const auto& [name, value] : rule->env) all[name] = own[name] = expand(value, in_rule);
    }
    if (!gpus.empty()) all["CUDA_VISIBLE_DEVICES"] = joined(gpus);

    CommandLine line;
    const bool by_rule = rule && !rule->command.empty();
    for (const auto& word : by_rule ? rule->command : container.command)
        line.argv.push_back(by_rule ? expand(word, in_rule) : expand(word, in_manifest));
    for (const auto& word : container.args) line.argv.push_back(expand(word, in_manifest));
    if (rule) {
        for (const auto& word : rule->args) line.argv.push_back(expand(word, in_rule));
    }
    for (const auto& [name, value] : all) line.env.push_back(name + "=" + value);
    line.working_dir = rule && !rule->working_dir.empty() ? rule->working_dir : container.working_dir;
    return line;
}

}  // namespace pods
