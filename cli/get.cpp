#include "cli/get.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <optional>
#include <stdexcept>

#include "admin/client.hpp"
#include "admin/print.hpp"
#include "admin/resources.hpp"
#include "cli/connection_flags.hpp"
#include "cli/words.hpp"
#include "manifest/problem.hpp"

namespace cli {
namespace {

namespace json = boost::json;

constexpr const char* as_table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

struct Failed : std::runtime_error {
    using runtime_error::runtime_error;
};

enum class Form { table, wide, json, yaml, name };

struct Options {
    const admin::Resource* resource = nullptr;
    std::string name, name_space = "default", selector, server;
    Form form = Form::table;
    bool watch = false, headers = true;

    bool all_namespaces() const { return name_space.empty() && resource->namespaced; }
    bool table() const { return form == Form::table || form == Form::wide; }
};

const admin::Resource* resource_named(std::string_view word) {
    for (const auto& resource : admin::resources()) {
        const auto full = admin::full_name(resource);
        if (word == resource.plural || word == resource.singular || word == full ||
            std::ranges::find(resource.short_names, word) != resource.short_names.end())
            return &resource;
    }
    return nullptr;
}

Form form_named(std::string_view word) {
    constexpr std::array<std::pair<std::string_view, Form>, 4> forms{
        {{"wide", Form::wide}, {"json", Form::json}, {"yaml", Form::yaml}, {"name", Form::name}}};
    for (const auto& [name, form] : forms)
        if (word == name) return form;
    return Form::table;
}

std::string advice(std::string_view word) {
    std::vector<std::string_view> known;
    for (const auto& resource : admin::resources()) known.push_back(resource.plural);
    return manifest::did_you_mean(word, known);
}

void take_word(Options& options, const std::string& word) {
    if (options.resource != nullptr) {
        if (!options.name.empty()) throw Usage(fmt::format("one name at most, and \"{}\" is another", word));
        options.name = word;
        return;
    }
    const auto slash = word.find('/');  // pod/NAME
    options.resource = resource_named(std::string_view(word).substr(0, slash));
    if (options.resource == nullptr)
        throw Usage(
            fmt::format("there is no kind of object called \"{}\"{}; the kinds are pods, services, "
                        "revisions, events, routes, configurations, domainmappings and namespaces",
                        word, advice(word)));
    if (slash != std::string::npos) options.name = word.substr(slash + 1);
}

Options read_options(const Words& words) {
    Options out;
    out.server = server_of(words);
    out.name_space = words.has("--all-namespaces") ? "" : words.value("--namespace", "default");
    out.selector = words.value("--selector", "");
    out.form = form_named(words.value("--output", ""));
    out.watch = words.has("--watch");
    out.headers = !words.has("--no-headers");
    for (const auto& word : words.free()) take_word(out, word);
    if (out.resource == nullptr) throw Usage("what to get? pods, services, revisions or events");
    if (!out.name.empty() && out.all_namespaces()) throw Usage("a NAME is of one namespace: leave out -A");
    return out;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text)
        if (std::isalnum(static_cast<unsigned char>(c)) ||
            std::string_view("-_.~").find(c) != std::string_view::npos)
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    return out;
}

std::string collection(const Options& options) {
    const auto& resource = *options.resource;
    auto out = (resource.group.empty() ? "/api/" : "/apis/") + admin::api_version(resource);
    if (resource.namespaced && !options.all_namespaces()) out += "/namespaces/" + escaped(options.name_space);
    return out + "/" + std::string(resource.plural);
}

// What of the collection: for lists and watches.
std::string query(const Options& options) {
    std::string out = "?limit=500";
    if (!options.selector.empty()) out += "&labelSelector=" + escaped(options.selector);
    if (!options.name.empty()) out += "&fieldSelector=" + escaped("metadata.name=" + options.name);
    return out;
}

json::object parsed(std::string_view body) {
    boost::system::error_code error;
    auto value = json::parse({body.data(), body.size()}, error);
    if (error || !value.is_object())
        throw Failed("the answer is not what a gateway's admin address says; is it one?");
    return std::move(value.as_object());
}

class Printer {
public:
    Printer(const Options& options, std::ostream& out) : options_(options), out_(out) {}

    void list(const json::object& whole) {
        if (options_.table()) {
            table(whole);
        } else if (options_.form == Form::name) {
            if (const auto* items = whole.if_contains("items"))
                for (const auto& item : items->as_array()) object(item.as_object());
            else
                object(whole);
        } else {
            object(whole);
        }
        out_.flush();
    }
    bool heard() const { return out_.good(); }  // false: nobody reads any more
    void change(const json::object& one) {
        options_.table() ? table(one) : object(one);
        out_.flush();
    }

private:
    void object(const json::object& one) {
        if (options_.form == Form::json) out_ << admin::pretty_json(one);
        if (options_.form == Form::yaml)
            out_ << (std::exchange(documents_, true) ? "---\n" : "") << admin::yaml(one);
        if (options_.form == Form::name) {
            const auto& resource = *options_.resource;
            out_ << resource.singular << (resource.group.empty() ? "" : ".") << resource.group << '/'
                 << std::string_view(one.at("metadata").at("name").as_string()) << '\n';
        }
    }

    void table(const json::object& table) {
        if (const auto* definitions = table.at("columnDefinitions").if_array()) columns(*definitions);
        std::vector<std::vector<std::string>> rows;
        const auto& given = table.at("rows").as_array();
        if (!given.empty() && !std::exchange(titled_, true) && options_.headers) rows.push_back(titles_);
        for (const auto& row : given) rows.push_back(cells(row.as_object()));
        out_ << aligned_.print(rows);
    }

    void columns(const json::array& definitions) {
        shown_.clear();
        titles_.clear();
        if (options_.all_namespaces()) titles_.push_back("NAMESPACE");
        for (std::size_t i = 0; i < definitions.size(); ++i) {
            if (options_.form != Form::wide && definitions[i].at("priority").as_int64() > 0) continue;
            std::string title(definitions[i].at("name").as_string());
            std::ranges::transform(title, title.begin(),
                                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
            titles_.push_back(std::move(title));
            shown_.push_back(i);
        }
    }

    std::vector<std::string> cells(const json::object& row) const {
        std::vector<std::string> out;
        if (options_.all_namespaces())
            out.emplace_back(row.at("object").at("metadata").at("namespace").as_string());
        for (const auto i : shown_) {
            const auto& cell = row.at("cells").as_array().at(i);
            out.push_back(admin::printable_cell(cell.is_string() ? std::string(cell.get_string())
                                                                 : json::serialize(cell)));
        }
        return out;
    }

    const Options& options_;
    std::ostream& out_;
    admin::Columns aligned_;
    std::vector<std::size_t> shown_;
    std::vector<std::string> titles_;
    bool titled_ = false, documents_ = false;
};

bool nothing_in(const json::object& answer) {
    for (const auto* field : {"rows", "items"})
        if (const auto* all = answer.if_contains(field)) return all->as_array().empty();
    return false;
}

// Follows on where the list ended.
void watch(const Options& options, admin::Client& client, Printer& printer, const json::object& listed) {
    const auto target = collection(options) + query(options) + "&watch=true&resourceVersion=" +
                        std::string(listed.at("metadata").at("resourceVersion").as_string());
    std::optional<admin::Reply> trouble;
    const auto on_line = [&](std::string_view line) {
        auto event = parsed(line);
        auto& object = event.at("object").as_object();
        if (event.at("type") == "ERROR") trouble = admin::Reply{0, json::serialize(object)};
        // An event that is forgotten has not happened again.
        else if (!(options.resource->immutable && event.at("type") == "DELETED"))
            printer.change(object);
        return !trouble && printer.heard();
    };
    const auto reply = client.follow(target, options.table() ? as_table : "application/json", on_line);
    if (trouble || reply.status != 200) throw Failed(admin::refusal_in(trouble.value_or(reply)));
}

void run(const Options& options, std::ostream& out, std::ostream& err) {
    admin::Client client(options.server);
    // One that is watched is a list of one, so that the watch has a place to follow on from.
    const bool one = !options.name.empty() && !options.watch;
    const auto target = collection(options) + (one ? "/" + escaped(options.name) : query(options));
    const auto reply = client.get(target, options.table() ? as_table : "application/json");
    if (reply.status != 200) throw Failed(admin::refusal_in(reply));
    auto answer = parsed(reply.body);
    Printer printer(options, out);
    const bool nothing = nothing_in(answer);
    if (options.watch && !options.name.empty() && nothing)
        throw Failed(fmt::format("Error from server (NotFound): {} \"{}\" not found",
                                 admin::full_name(*options.resource), options.name));
    if (nothing && !options.watch && (options.table() || options.form == Form::name))
        err << (options.all_namespaces()
                    ? std::string("No resources found\n")
                    : fmt::format("No resources found in {} namespace.\n", options.name_space));
    // The changes of a watch are objects, so its beginning is objects too and not a list.
    if (options.watch && !options.table())
        for (const auto& item : answer.at("items").as_array()) printer.change(item.as_object());
    else
        printer.list(answer);
    if (options.watch) watch(options, client, printer, answer);
}

}  // namespace

int get(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    return within("get", args, out, err, [&](const Words& words) {
        run(read_options(words), out, err);
        return 0;
    });
}

int get(std::span<const std::string> args) {
    return get(args, std::cout, std::cerr);
}

}  // namespace cli
