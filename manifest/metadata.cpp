#include "manifest/metadata.hpp"

#include "manifest/names.hpp"

namespace manifest {

Metadata read_metadata(const Node* node, const Node& document, const std::string& path, Problems& problems) {
    Metadata metadata;
    metadata.name_place = document.place;
    if (!node) {
        problems.error(document.place, path + ".name: missing");
        return metadata;
    }
    Fields fields(node, path, problems);
    fields.need_text("name", metadata.name);
    metadata.name_place = fields ? fields.place_of("name") : document.place;
    fields.text("namespace", metadata.name_space);
    if (const auto reason = not_dns1123_label(metadata.name_space); !reason.empty())
        fields.error("namespace", reason + ", not " + quote(metadata.name_space));
    metadata.labels = read_annotations(fields.find("labels"), fields.path_of("labels"), problems);
    metadata.annotations =
        read_annotations(fields.find("annotations"), fields.path_of("annotations"), problems);
    fields.accept({"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
                   "deletionGracePeriodSeconds", "finalizers", "ownerReferences", "managedFields",
                   "selfLink"});
    fields.close();
    return metadata;
}

std::map<std::string, std::string> values(const Annotations& annotations) {
    std::map<std::string, std::string> plain;
    for (const auto& [key, annotation] : annotations) plain.emplace(key, annotation.value);
    return plain;
}

}  // namespace manifest
