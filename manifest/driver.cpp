// The `driver:` part of the Gateway: how pods are made on this machine.
#include <algorithm>
#include <array>
#include <set>

#include "manifest/container.hpp"
#include "manifest/gateway.hpp"
#include "manifest/names.hpp"
#include "manifest/units.hpp"

namespace manifest {

namespace {

// A '*' stands at the end only.
bool is_pattern(std::string_view image) {
    const auto star = image.find('*');
    return !image.empty() && (star == std::string_view::npos || star + 1 == image.size());
}

pods::ImageRule read_rule(const Node& node, const std::string& path, Problems& problems) {
    Fields fields(&node, path, problems);
    pods::ImageRule rule;
    if (fields.need_text("image", rule.image) && !is_pattern(rule.image))
        fields.error("image", "must be an image, the beginning of one with \"*\" at its end, or \"*\"");
    fields.texts("command", rule.command);
    fields.texts("args", rule.args);
    fields.text("workingDir", rule.working_dir);
    rule.env = read_env(fields.find("env"), fields.path_of("env"), problems);
    fields.close();
    return rule;
}

void read_images(Fields& process, pods::ProcessSettings& settings) {
    const auto path = process.path_of("images");
    std::set<std::string> seen;
    for (const auto& item : read_list(process.find("images"), path, process.problems())) {
        const auto item_path = path_of_item(path, settings.images.size());
        auto rule = read_rule(*item, item_path, process.problems());
        if (!seen.insert(rule.image).second)
            process.problems().error(item->place, item_path + ".image: " + quote(rule.image) +
                                                      " is there twice; the longest match wins, so keep one");
        settings.images.push_back(std::move(rule));
    }
}

// Texts or plain numbers: 0 is how everybody calls the first GPU.
void read_gpus(Fields& process, pods::ProcessSettings& settings) {
    const auto path = process.path_of("gpus");
    for (const auto& item : read_list(process.find("gpus"), path, process.problems())) {
        const auto item_path = path_of_item(path, settings.gpus.size());
        const auto allowed = [](char c) {
            return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   c == '/';
        };
        if (!item->is_scalar() || item->text.empty() || !std::ranges::all_of(item->text, allowed))
            process.problems().error(
                item->place,
                item_path +
                    ": must be a GPU as CUDA_VISIBLE_DEVICES names it, such as 0 or \"GPU-8932f937\", not " +
                    describe(*item));
        else if (std::ranges::find(settings.gpus, item->text) != settings.gpus.end())
            process.problems().error(item->place, item_path + ": " + quote(item->text) + " is there twice");
        settings.gpus.push_back(item->text);
    }
}

void read_ports(Fields& process, pods::ProcessSettings& settings) {
    const Node* node = process.find("ports");
    if (!node) return;
    const std::string_view text = node->is_scalar() ? std::string_view(node->text) : std::string_view{};
    const auto dash = text.find('-');
    const auto first = parse_integer(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_integer(text.substr(dash + 1));
    if (!first || !last || *first < 1 || *last > 65535 || *first > *last)
        return process.error(
            "ports", "must be a range within 1 to 65535 such as \"20000-29999\", not " + describe(*node));
    settings.first_port = static_cast<std::uint16_t>(*first);
    settings.last_port = static_cast<std::uint16_t>(*last);
}

void read_logs(Fields& process, pods::ProcessSettings& settings) {
    Fields logs(process.find("logs"), process.path_of("logs"), process.problems());
    std::string directory;
    logs.text("directory", directory);
    if (!directory.empty()) settings.log_dir = directory;
    logs.size("maxSize", settings.log_bytes, 4 << 10, 64ull << 30);
    logs.number("files", settings.log_files, 0, 100);
    logs.close();
}

pods::ProcessSettings read_process(const Node* node, const std::string& path, Problems& problems) {
    Fields fields(node, path, problems);
    pods::ProcessSettings settings;
    read_images(fields, settings);
    read_gpus(fields, settings);
    read_ports(fields, settings);
    fields.text("bindAddress", settings.bind_address);
    if (!is_ip(settings.bind_address))
        fields.error("bindAddress", "must be an IP address, not " + quote(settings.bind_address));
    read_logs(fields, settings);
    fields.close();
    return settings;
}

std::vector<pods::Address> read_addresses(const Node& node, const std::string& path, Problems& problems) {
    std::vector<pods::Address> addresses;
    const auto& list = read_list(&node, path, problems);
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto address = list[i]->is_scalar() ? parse_address(list[i]->text) : std::nullopt;
        if (!address)
            problems.error(list[i]->place,
                           path_of_item(path, i) +
                               ": must be an IP address and a port such as \"127.0.0.1:7860\", not " +
                               describe(*list[i]));
        else if (!may_be_a_pods(*address))
            problems.error(list[i]->place, path_of_item(path, i) + ": " + quote(list[i]->text) +
                                               " is link-local, or not the address of one machine");
        else if (std::ranges::find(addresses, *address) != addresses.end())
            problems.error(list[i]->place,
                           path_of_item(path, i) + ": " + quote(list[i]->text) + " is there twice");
        else
            addresses.push_back(*address);
    }
    if (node.is_list() && list.empty()) problems.error(node.place, path + ": must have an address");
    return addresses;
}

// Either one list for all services, or a list under each "namespace/name".
pods::StaticSettings read_static(const Node* node, const std::string& path, PlacedGateway& gateway,
                                 Problems& problems) {
    Fields fields(node, path, problems);
    pods::StaticSettings settings;
    const Node* pods = fields.need("pods");
    fields.close();
    if (!pods) return settings;
    const auto pods_path = fields.path_of("pods");
    if (pods->is_list()) {
        settings.pods["*"] = read_addresses(*pods, pods_path, problems);
        return settings;
    }
    Fields by_service(pods, pods_path, problems);
    if (!by_service) return settings;
    for (const auto& [name, place, addresses] : pods->entries) {
        const auto reason = name == "*" ? "" : not_service_name(name);
        if (!reason.empty()) problems.error(place, pods_path + ": a key " + reason + ", or \"*\" for all");
        settings.pods[name] = read_addresses(*addresses, by_service.path_of(name), problems);
        gateway.static_services.emplace(name, place);
    }
    return settings;
}

}  // namespace

DriverSettings read_driver(const Node* node, PlacedGateway& gateway, Problems& problems) {
    const std::string path = "spec.driver";
    Fields fields(node, path, problems);
    const Node* process = fields.find("process");
    const Node* fixed = fields.find("static");
    for (const std::string_view later : {"docker", "kubernetes"})
        if (fields.find(later)) fields.error(later, "not yet in this version; use process or static");
    fields.close();
    if (process && fixed) fields.error("static", "one driver makes the pods; keep process or static");
    auto of_process = read_process(process, path + ".process", problems);
    if (fixed) return read_static(fixed, path + ".static", gateway, problems);
    return of_process;
}

}  // namespace manifest
