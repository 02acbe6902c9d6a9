#include "manifest/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "manifest/utf8.hpp"

namespace manifest {

namespace {

// What a file may not do. Thrown through yaml-cpp, which has no other way to be stopped.
struct Refused {
    Place place;
    std::string text;
};

// Builds trees out of yaml-cpp's events. Its own Node is not used: it keeps the last of two equal keys in
// silence.
class Builder : public YAML::EventHandler {
public:
    Builder(std::string_view file, std::string_view text, Problems& problems)
        : file_(file), text_(text), problems_(problems), last_{file, 1, 1} {}

    std::vector<NodePtr> take() { return std::move(documents_); }
    // Of what was read last.
    const Place& last() const { return last_; }

    void OnDocumentStart(const YAML::Mark& mark) override {
        // yaml-cpp can report documents without end where it makes no progress.
        if (++started_ > yaml_limits::documents)
            refuse(mark, "more than " + std::to_string(yaml_limits::documents) + " documents in one file");
        open_.clear();
        anchors_.clear();
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        leaf(make(mark, Node::Kind::null), anchor);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        if (value.size() > yaml_limits::scalar_bytes)
            refuse(mark, "a value of more than " + std::to_string(yaml_limits::scalar_bytes >> 10) + " KiB");
        auto node = make(mark, Node::Kind::scalar);
        node->text = value;
        node->plain = tag == "?";  // yaml-cpp's tag for a scalar without quotes
        node->literal = literal_at(mark);
        leaf(std::move(node), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto target = anchors_.find(anchor);
        if (target == anchors_.end()) refuse(mark, "an alias inside of what it stands for");
        // A key may be an alias too; then its text counts and the place is that of the alias.
        place(target->second, at(mark));
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, Node::Kind::list, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, Node::Kind::map, anchor);
    }
    void OnMapEnd() override { close(); }

private:
    struct Frame {
        std::shared_ptr<Node> node;
        YAML::anchor_t anchor = 0;
        std::optional<Entry> key;  // read, its value not yet
        std::unordered_map<std::string, Place> keys;
    };

    Place at(const YAML::Mark& mark) {
        last_ = {file_, mark.line + 1, mark.column + 1};
        return last_;
    }

    // Only there do the lines of a text stand on lines of the file, one for one. A mark's position counts
    // bytes.
    Place literal_at(const YAML::Mark& mark) const {
        const auto from =
            mark.pos < 0 ? text_.size() : std::min(static_cast<std::size_t>(mark.pos), text_.size());
        if (!text_.substr(from).starts_with('|')) return {};
        const auto begin = std::min(text_.find('\n', from), text_.size());
        const auto first = std::min(text_.find_first_not_of(" \r\n", begin), text_.size());
        const auto line_start = first == 0 ? 0 : text_.rfind('\n', first - 1) + 1;
        return {file_, mark.line + 2, static_cast<int>(first - line_start) + 1};
    }

    [[noreturn]] void refuse(const YAML::Mark& mark, std::string text) {
        throw Refused{at(mark), std::move(text)};
    }

    std::shared_ptr<Node> make(const YAML::Mark& mark, Node::Kind kind) {
        auto node = std::make_shared<Node>();
        node->kind = kind;
        node->place = at(mark);
        return node;
    }

    void leaf(std::shared_ptr<Node> node, YAML::anchor_t anchor) {
        if (anchor != 0) anchors_[anchor] = node;
        const Place place_of_node = node->place;
        place(std::move(node), place_of_node);
    }

    void open(const YAML::Mark& mark, Node::Kind kind, YAML::anchor_t anchor) {
        if (open_.size() >= static_cast<std::size_t>(yaml_limits::depth))
            refuse(mark, "nested deeper than " + std::to_string(yaml_limits::depth) + " levels");
        if (!open_.empty() && open_.back().node->is_map() && !open_.back().key)
            refuse(mark, "a key must be a text, not a list or a mapping");
        Frame frame;
        frame.node = make(mark, kind);
        frame.anchor = anchor;
        open_.push_back(std::move(frame));
    }

    void close() {
        Frame frame = std::move(open_.back());
        open_.pop_back();
        if (frame.anchor != 0) anchors_[frame.anchor] = frame.node;
        const Place place_of_node = frame.node->place;
        place(std::move(frame.node), place_of_node);
    }

    // Puts a finished node where it belongs: into the open list or map, or among the documents.
    void place(NodePtr node, const Place& where) {
        if (open_.empty()) {
            if (!node->is_null()) documents_.push_back(std::move(node));
            return;
        }
        Frame& frame = open_.back();
        if (frame.node->is_map() && !frame.key) {
            take_key(frame, *node, where);
            return;
        }
        grow(*frame.node, *node, where);
        if (frame.node->is_list()) {
            frame.node->items.push_back(std::move(node));
            return;
        }
        frame.key->value = std::move(node);
        frame.node->entries.push_back(std::move(*frame.key));
        frame.key.reset();
    }

    void take_key(Frame& frame, const Node& node, const Place& where) {
        if (!node.is_scalar()) throw Refused{where, "a key must be a text, not " + describe(node)};
        if (node.plain && node.text == "<<")
            throw Refused{where, "merge keys (<<) are not supported: write the fields out"};
        const auto [known, fresh] = frame.keys.emplace(node.text, where);
        // The first one counts then; there is no configuration anyway.
        if (!fresh)
            problems_.error(where, quote(node.text) + " is there twice; the first is on line " +
                                       std::to_string(known->second.line));
        frame.key = Entry{node.text, where, nullptr};
    }

    void grow(Node& parent, const Node& child, const Place& where) {
        parent.weight += child.weight;
        parent.height = std::max(parent.height, child.height + 1);
        if (parent.weight > yaml_limits::nodes)
            throw Refused{where,
                          "more than " + std::to_string(yaml_limits::nodes) + " values, aliases expanded"};
        if (parent.height > yaml_limits::depth)
            throw Refused{where,
                          "nested deeper than " + std::to_string(yaml_limits::depth) + " levels by aliases"};
    }

    std::string_view file_, text_;
    Problems& problems_;
    Place last_;
    std::vector<NodePtr> documents_;
    std::vector<Frame> open_;
    std::map<YAML::anchor_t, NodePtr> anchors_;
    std::size_t started_ = 0;
};

// yaml-cpp looks ahead over everything that is open in flow style, about a hundred times its size in memory,
// before the first event. Quotes and comments are not told apart: the bound is far above any sense.
std::optional<Refused> too_many_brackets(std::string_view file, std::string_view text) {
    std::size_t open = 0;
    Place place{file, 1, 0};
    for (const char c : text) {
        ++place.column;
        if (c == '\n') place = {file, place.line + 1, 0};
        if (c == '[' || c == '{') ++open;
        if ((c == ']' || c == '}') && open > 0) --open;
        if (open > yaml_limits::open_brackets)
            return Refused{place, "nested deeper than " + std::to_string(yaml_limits::depth) + " levels"};
    }
    return std::nullopt;
}

std::string_view line_of(std::string_view text, int number) {
    for (; number > 1 && !text.empty(); --number) {
        const auto end = text.find('\n');
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return text.substr(0, text.find('\n'));
}

// yaml-cpp's complaint, in words that help.
Refused explain(const YAML::ParserException& error, std::string_view file, std::string_view text,
                const Place& last) {
    const Place place{file, error.mark.line + 1, error.mark.column + 1};
    const auto line = line_of(text, place.line);
    const auto indent = line.substr(0, line.find_first_not_of(" \t\r"));
    if (const auto tab = indent.find('\t'); tab != std::string_view::npos)
        return {{file, place.line, static_cast<int>(tab) + 1}, "a tab in the indentation; YAML wants spaces"};
    if (error.msg == "illegal document indicator in scalar" || error.msg == "illegal EOF in scalar")
        return {last, "a quote that is opened here or later is never closed"};
    if (error.msg == "end of sequence flow not found" || error.msg == "end of map flow not found")
        return {last, "a bracket that is opened here or before is never closed, or a comma is missing"};
    if (error.msg == "illegal map value")
        return {place,
                "not YAML: a second \": \" on one line, or a wrong indentation; put the value in quotes "
                "or line it up with the fields beside it"};
    if (error.msg == "the referenced anchor is not defined")
        return {place, "an alias to an anchor that is not there"};
    return {place, "not YAML: " + error.msg};
}

}  // namespace

const Node* Node::find(std::string_view key) const {
    for (const auto& entry : entries)
        if (entry.key == key) return entry.value->is_null() ? nullptr : entry.value.get();
    return nullptr;
}

std::string describe(const Node& node) {
    switch (node.kind) {
        case Node::Kind::null:
            return "nothing";
        case Node::Kind::scalar:
            return quote(node.text);
        case Node::Kind::list:
            return "a list";
        case Node::Kind::map:
            return "a mapping";
    }
    return "nothing";
}

std::vector<NodePtr> parse_yaml(std::string_view file, std::string_view text, Problems& problems) {
    if (text.size() > yaml_limits::file_bytes) {
        problems.error({file, 0, 0}, "more than " + std::to_string(yaml_limits::file_bytes >> 20) + " MiB");
        return {};
    }
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    if (const auto bad = first_bad_text(text)) {
        problems.error({file, bad->line, bad->column}, bad->what);
        return {};
    }
    if (const auto refused = too_many_brackets(file, text)) {
        problems.error(refused->place, refused->text);
        return {};
    }
    Builder builder(file, text, problems);
    // The document mark makes yaml-cpp refuse a quote that is still open at the end, which it else takes for
    // closed.
    std::istringstream stream(std::string(text) + "\n---\n");
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Refused& refused) {
        problems.error(refused.place, refused.text);
    } catch (const YAML::ParserException& error) {
        const auto refused = explain(error, file, text, builder.last());
        problems.error(refused.place, refused.text);
    }
    return builder.take();
}

}  // namespace manifest
