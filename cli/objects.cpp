#include "cli/objects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <ctime>

#include "admin/node_json.hpp"
#include "admin/patch.hpp"
#include "admin/words.hpp"
#include "admin/write.hpp"
#include "manifest/annotations.hpp"
#include "proxy/log.hpp"

namespace cli {
namespace {

namespace json = boost::json;
using admin::Finding;
using admin::Kept;

// "spec.template.spec.containers[0].image: missing": the field, and what is wrong with it.
Finding finding(const manifest::Problem& problem) {
    constexpr std::string_view separator = ": ", unknown = "unknown field";
    Finding out{"", problem.text, false};
    const auto end = problem.text.find(separator);
    const auto blank = problem.text.find(' ');
    if (end == std::string::npos || blank < end) return out;
    out.field = problem.text.substr(0, end);
    out.text = problem.text.substr(end + separator.size());
    out.unknown_field = out.text.starts_with(unknown);
    return out;
}

std::string text_at(const json::object& object, std::initializer_list<std::string_view> path) {
    return std::string(admin::text(object, path));
}

json::object& metadata_of(json::object& object) {
    auto& value = object["metadata"];
    if (!value.is_object()) value = json::object();
    return value.get_object();
}

void annotate(json::object& object, std::string_view name, std::string_view value) {
    auto& annotations = metadata_of(object)["annotations"];
    if (!annotations.is_object()) annotations = json::object();
    annotations.get_object()[name] = value;
}

// RFC 3339 as we write it ourselves.
proxy::WallTime time_of(const std::string& text) {
    std::tm parts{};
    if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr) return {};
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

// The same for the same object in every run: what clients compare to know one from its namesake.
std::string lasting_uid(const std::string& what) {
    const boost::uuids::name_generator_sha1 make(boost::uuids::ns::url());
    return boost::uuids::to_string(make("https://pilotlight.dev/file/" + what));
}

bool same_spec(const json::object& a, const json::object& b) {
    const auto *left = a.if_contains("spec"), *right = b.if_contains("spec");
    return left != nullptr && right != nullptr ? admin::same(*left, *right) : left == right;
}

// Empty: it is right.
std::string wrong_replicas(const std::string& value) {
    manifest::Service nobody;
    for (const auto& rule : manifest::annotation_rules())
        if (rule.key == admin::replicas_annotation && !rule.apply(value, nobody))
            return fmt::format("must be {}, not {}", rule.valid, manifest::quote(value));
    return {};
}

void set_replicas(manifest::Configuration& configuration, const std::string& name_space,
                  const std::string& name, const std::string& value) {
    for (auto& service : configuration.services) {
        if (service.name != name || service.name_space != name_space) continue;
        service.annotations[std::string(admin::replicas_annotation)] = value;
        for (const auto& rule : manifest::annotation_rules())
            if (rule.key == admin::replicas_annotation) rule.apply(value, service);
    }
}

}  // namespace

std::string Objects::source_name(const Key& key) {
    return fmt::format("the applied {} {}/{}", key.kind, key.name_space, key.name);
}

std::string Objects::file_name(const Key& key) {
    return key.name_space + "." + key.kind + "." + key.name;
}

Objects::Objects(std::filesystem::path folder, Hooks hooks)
    : disk_(std::move(folder)), hooks_(std::move(hooks)) {
    for (auto& kept : disk_.load()) {
        if (auto* object = kept.if_contains("object"); object != nullptr && object->is_object()) {
            const Key key{text_at(object->get_object(), {"kind"}),
                          text_at(object->get_object(), {"metadata", "namespace"}),
                          text_at(object->get_object(), {"metadata", "name"})};
            changes_.applied[key] = std::move(object->get_object());
        } else if (const auto replicas = text_at(kept, {"replicas"}); wrong_replicas(replicas).empty()) {
            changes_.replicas[{"Service", text_at(kept, {"namespace"}), text_at(kept, {"name"})}] = replicas;
        }
    }
}

bool Objects::in_a_file(const Key& key) const {
    return from_files_.contains(key);
}

manifest::Loaded Objects::check(const Changes& changes) const {
    auto sources = files_;
    for (const auto& [key, object] : changes.applied)
        if (!in_a_file(key) && !left_out_.contains(key))
            sources.push_back({source_name(key), json::serialize(object)});
    auto loaded = manifest::load(sources);
    if (loaded.configuration)
        for (const auto& [key, value] : changes.replicas)
            if (in_a_file(key)) set_replicas(*loaded.configuration, key.name_space, key.name, value);
    return loaded;
}

void Objects::take_files(const manifest::Loaded& loaded) {
    auto before = std::exchange(from_files_, {});
    const auto now = std::chrono::system_clock::now();
    for (const auto& document : loaded.documents) {
        const Key key{document.kind, document.name_space, document.name};
        FromFile one{key, fmt::format("file {}:{}", document.file, document.line), 1, now, {}};
        auto tree = admin::to_json(*document.tree);
        if (tree.is_object()) one.object = std::move(tree.get_object());
        one.object.erase("status");
        if (const auto old = before.find(key); old != before.end()) {
            one.created = old->second.created;
            one.generation = old->second.generation + (same_spec(old->second.object, one.object) ? 0 : 1);
        }
        from_files_.insert_or_assign(key, std::move(one));
    }
}

// False: none of the applied objects is at fault.
bool Objects::leave_out_the_wrong(const manifest::Loaded& loaded) {
    bool any = false;
    for (const auto& [key, object] : changes_.applied) {
        const auto name = source_name(key);
        const auto wrong = std::ranges::find_if(loaded.problems, [&](const manifest::Problem& problem) {
            return !problem.warning && problem.file == name;
        });
        if (wrong == loaded.problems.end()) continue;
        any = left_out_.insert(key).second || any;
        const auto message = fmt::format(
            "What was applied does not fit what the files say now and is not in force: {}", wrong->text);
        log_of(proxy::LogOf::config).error("{}: {}", name, message);
        hooks_.tell(true, key.name_space, key.kind, key.name, "NotInForce", message);
    }
    return any;
}

void Objects::say_what_is_hidden() const {
    for (const auto& [key, object] : changes_.applied) {
        const auto file = from_files_.find(key);
        if (file == from_files_.end()) continue;
        const auto message =
            fmt::format("{} of the same name is in force; what was applied is not, until that is gone",
                        file->second.source);
        log_of(proxy::LogOf::config).warn("{}: {}", source_name(key), message);
        hooks_.tell(true, key.name_space, key.kind, key.name, "Shadowed", message);
    }
}

manifest::Configuration Objects::combine(std::vector<manifest::Source> files,
                                         const manifest::Loaded& loaded) {
    files_ = std::move(files);
    take_files(loaded);
    left_out_.clear();
    say_what_is_hidden();
    auto whole = check(changes_);
    while (!whole.configuration && leave_out_the_wrong(whole)) whole = check(changes_);
    if (!whole.configuration) {  // each is right by itself, or the place of the fault is a file's
        for (const auto& [key, object] : changes_.applied) left_out_.insert(key);
        log_of(proxy::LogOf::config)
            .error(
                "what was applied does not fit what the files say now: none of it is in force; `pilotlight "
                "get events` names each");
        whole = check(changes_);
    }
    make_views();
    return whole.configuration ? std::move(*whole.configuration) : *loaded.configuration;
}

Kept Objects::carry_out(const admin::Wish& wish) {
    Kept out;
    if (hooks_.closed())
        return {Kept::Kind::failed, {}, {}, "the gateway is shutting down: nothing is changed"};
    const Key key{wish.kind, wish.name_space, wish.name};
    auto next = changes_;
    if (wish.only_replicas) {
        const auto value = text_at(wish.object, {"metadata", "annotations", admin::replicas_annotation});
        if (const auto wrong = value.empty() ? std::string() : wrong_replicas(value); !wrong.empty()) {
            out.kind = Kept::Kind::invalid;
            out.errors.push_back(
                {fmt::format("metadata.annotations[{}]", admin::replicas_annotation), wrong, false});
            return out;
        }
        value.empty() ? next.replicas.erase(key) : next.replicas.insert_or_assign(key, value).second;
    } else if (wish.remove) {
        next.applied.erase(key);
    } else {
        next.applied[key] = wish.object;
        if (next.applied.size() > most)
            return {Kept::Kind::full,
                    {},
                    {},
                    fmt::format("{} objects are applied already: the change is refused", most)};
    }
    return check_and_keep(wish, key, std::move(next));
}

Kept Objects::check_and_keep(const admin::Wish& wish, const Key& key, Changes next) {
    Kept out;
    auto loaded = check(next);
    const auto name = source_name(key);
    for (const auto& problem : loaded.problems) {
        if (problem.file == name)
            (problem.warning ? out.warnings : out.errors).push_back(finding(problem));
        else if (!problem.warning)
            out.errors.push_back({"", manifest::to_string(problem), false});
    }
    if (!loaded.configuration) {
        out.kind = Kept::Kind::invalid;
        return out;
    }
    if (wish.dry_run) return out;

    std::optional<AppliedFiles::Failure> failed;
    if (wish.only_replicas) {
        const auto file = file_name(key) + ".replicas";
        const auto value = next.replicas.find(key);
        json::object record;
        record["namespace"] = key.name_space;
        record["name"] = key.name;
        if (value != next.replicas.end()) record["replicas"] = value->second;
        failed = value == next.replicas.end() ? disk_.remove(file) : disk_.save(file, record);
    } else if (wish.remove) {
        failed = disk_.remove(file_name(key));
    } else {
        json::object record;
        record["object"] = wish.object;
        failed = disk_.save(file_name(key), record);
    }
    if (failed) {
        log_of(proxy::LogOf::config).error("{}", failed->sentence);
        return {failed->full ? Kept::Kind::full : Kept::Kind::failed, {}, {}, failed->sentence};
    }
    changes_ = std::move(next);
    left_out_.erase(key);
    make_views();
    hooks_.use(std::move(*loaded.configuration));
    return out;
}

void Objects::make_views() {
    auto all = std::make_shared<std::vector<proxy::ObjectView>>();
    const auto add = [&](const Key& key, json::object object, bool applied, const std::string& source) {
        annotate(object, admin::source_annotation, source);
        proxy::ObjectView view;
        view.kind = key.kind;
        view.name_space = key.name_space;
        view.name = key.name;
        view.applied = applied;
        view.source = source;
        const auto* generation = admin::find(object, {"metadata", "generation"});
        if (generation != nullptr && generation->is_int64()) view.generation = generation->get_int64();
        view.created = time_of(text_at(object, {"metadata", "creationTimestamp"}));
        view.object = std::make_shared<const json::object>(std::move(object));
        all->push_back(std::move(view));
    };
    for (const auto& [key, file] : from_files_) {
        auto object = file.object;
        auto& metadata = metadata_of(object);
        metadata["namespace"] = key.name_space;
        metadata["uid"] = lasting_uid(file_name(key));
        metadata["generation"] = file.generation;
        metadata["creationTimestamp"] = admin::rfc3339(file.created);
        metadata.erase("resourceVersion");
        if (const auto found = changes_.replicas.find(key); found != changes_.replicas.end())
            annotate(object, admin::replicas_annotation, found->second);
        add(key, std::move(object), false, file.source);
    }
    for (const auto& [key, object] : changes_.applied)
        if (!in_a_file(key) && !left_out_.contains(key)) add(key, object, true, "applied");
    views_ = std::move(all);
}

}  // namespace cli
