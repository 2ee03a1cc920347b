# SPDX-License-Identifier: Apache-2.0
"""What the generator refuses: each test makes one thing wrong and reads the one line it is told."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from folder import FolderTest  # noqa: E402

C, G = "schemas/quests.create.json: ", "schemas/quests.get.json: "
Q, R = "schemas/types/quest.json: ", "schemas/types/repo.json: "


class Files(FolderTest):
    def test_the_folder_itself_is_right(self):
        self.accepted()

    def test_several_faults_are_named_at_once(self):
        del self.create["lane"]
        self.get["summary"] = "Get it."
        self.refused(C + "lane: is missing", C + "lane: must be one of read scan write long stream server",
                     G + "summary: ends with a full stop")

    def test_not_json(self):
        self.folder.files["quests.get.json"] = "{"
        code, said, _ = self.folder.generate()
        self.assertEqual(code, 1)
        self.assertIn("schemas/quests.get.json: is not JSON: ", said)

    def test_duplicate_key(self):
        self.folder.files["types/colour.json"] = '{"description":"a","enum":["red"],"enum":["red","green"]}'
        self.refused("schemas/types/colour.json: is not JSON: the key 'enum' is there twice")

    def test_not_an_object(self):
        self.folder.files["quests.get.json"] = "[]"
        self.refused("schemas/quests.get.json: is not an object")

    def test_unknown_key(self):
        self.create["notes"] = "x"
        self.refused(C + "notes: is no key of this file")

    def test_file_name_differs_from_the_verb(self):
        self.create["verb"] = "quests.add"
        self.refused(C + "verb: must be 'quests.create', as the file is called")


class Names(FolderTest):
    def rename(self, name):
        self.folder.files[name + ".json"] = dict(self.get, verb=name, aliases=[])

    def test_bad_verb_name(self):
        self.rename("Quests.Find")
        self.refused("schemas/Quests.Find.json: verb: 'Quests.Find' is no name: noun.verb of [a-z][a-z0-9_]*")

    def test_verb_name_of_three_parts(self):
        self.rename("quests.find.one")
        self.refused("schemas/quests.find.one.json: verb: 'quests.find.one' is no name: "
                     "noun.verb of [a-z][a-z0-9_]*")

    def test_tool_name_too_long(self):
        name = "quests." + "f" * 34
        self.rename(name)
        self.refused(f"schemas/{name}.json: verb: a tool's name has at most 40 characters")

    def test_two_verbs_with_one_tool_name(self):
        self.rename("quests_create")
        self.refused("schemas/quests_create.json: verb: the tool's name 'quests_create' is that of "
                     "'quests.create'")

    def test_alias_of_another_verb(self):
        self.get["aliases"] = ["quests_create"]
        self.refused(G + "aliases: 'quests_create' is taken by 'quests.create'")

    def test_alias_that_is_no_name(self):
        self.get["aliases"] = ["Quests Show"]
        self.refused(G + "aliases: 'Quests Show' is no verb's name")

    def test_bad_field_name(self):
        self.params["dueAt"] = {"type": "string", "maxLength": 9, "description": "x"}
        self.refused(C + "params.dueAt: is no name: [a-z][a-z0-9_]{0,39}")

    def test_added_parameters_are_not_declared(self):
        self.params["request_id"] = {"type": "string", "maxLength": 9, "description": "x"}
        self.refused(C + "params.request_id: is added by the generator, not by the schema")


class Synonyms(FolderTest):
    S = "schemas/synonyms.json: "

    def test_of_what_is_not_there(self):
        self.folder.synonyms["goals"] = ["aim"]
        self.refused(self.S + "goals: is no noun, no action and no verb")

    def test_no_list(self):
        self.folder.synonyms["quests.get"] = "show"
        self.refused(self.S + "quests.get: must be a list of 1…16 words")

    def test_too_many(self):
        self.folder.synonyms["create"] = [f"w{i}" for i in range(17)]
        self.refused(self.S + "create: must be a list of 1…16 words")

    def test_no_word(self):
        self.folder.synonyms["create"] = ["Add", "make new", 7]
        self.refused(*[self.S + f"create: {word} is no word: [a-z0-9], 2…24 of them"
                       for word in ('"Add"', '"make new"', "7")])

    def test_twice(self):
        self.folder.synonyms["create"] = ["add", "add"]
        self.refused(self.S + "create: names one twice")

    def test_missing(self):
        del self.folder.files["synonyms.json"]
        self.refused(self.S + "cannot be read: No such file or directory")

    def test_reach_every_verb_of_a_noun_and_of_an_action(self):
        self.folder.synonyms["quests.get"] = ["look"]
        table = self.accepted()["verbs.gen.c"]
        self.assertRegex(table, r'\.name = \{ "quests.create"[^;]*?\.synonyms = \{ "task add", 8 \}')
        self.assertRegex(table, r'\.name = \{ "quests.get"[^;]*?\.synonyms = \{ "task look", 9 \}')


class Mandatory(FolderTest):
    def test_missing_example(self):
        self.create["examples"] = []
        self.refused(C + "examples: there is none")

    def test_examples_that_all_fail(self):
        self.create["examples"] = self.create["examples"][1:]
        self.refused(C + "examples: there is none that succeeds")

    def test_missing_access(self):
        del self.create["access"]
        self.refused(C + "access: is missing", C + "access: must be a list that is not empty")

    def test_unknown_role(self):
        self.create["access"] = ["operator", "boss"]
        self.refused(C + "access: 'boss' is none of viewer operator agent_admin workflow_admin org_admin")

    def test_missing_lane(self):
        self.create["lane"] = "fast"
        self.refused(C + "lane: must be one of read scan write long stream server")

    def test_missing_annotation(self):
        del self.create["annotations"]["openWorld"]
        self.refused(C + "annotations.openWorld: is missing")

    def test_annotations_that_contradict(self):
        self.get["annotations"]["destructive"] = True
        self.refused(G + "annotations: says readOnly and destructive")

    def test_a_write_that_says_it_only_reads(self):
        self.create["annotations"]["readOnly"] = True
        self.refused(C + "annotations.readOnly: is true in lane write")

    def test_a_read_that_says_it_writes(self):
        self.get["annotations"]["readOnly"] = False
        self.refused(G + "annotations.readOnly: is false in lane read")

    def test_a_removal_that_says_it_destroys_nothing(self):
        self.folder.files["quests.delete.json"] = {**self.create, "verb": "quests.delete", "aliases": []}
        self.refused(C.replace("create", "delete") + "annotations.destructive: is false, and the verb removes")

    def test_a_batch_that_says_it_destroys_nothing(self):
        self.create["lane"] = "server"
        self.refused(C + "annotations.destructive: is false, and any call may be in a batch")

    def test_bad_mcp(self):
        self.create["mcp"] = True
        self.refused(C + 'mcp: must be "default", "listed" or false')

    def test_a_stream_in_mcp(self):
        self.get["lane"] = "stream"
        self.refused(G + "mcp: a stream stays out of MCP: false")

    def test_parameter_without_description(self):
        del self.params["subject"]["description"]
        self.refused(C + "params.subject: has no description")

    def test_target_that_is_no_parameter(self):
        self.get["target"] = {"param": "idd", "type": "quest"}
        self.refused(G + "target.param: names no text parameter of this verb")

    def test_target_of_no_type(self):
        self.get["target"] = {"param": "id", "type": "colour"}
        self.refused(G + "target.type: names no object type of types/")


class Lengths(FolderTest):
    def test_description_too_long(self):
        self.create["description"] = "x" * 201
        self.refused(C + "description: has 201 characters, at most 200 are allowed")

    def test_summary_too_long(self):
        self.create["summary"] = "x" * 81
        self.refused(C + "summary: has 81 characters, at most 80 are allowed")

    def test_parameter_description_too_long(self):
        self.params["subject"]["description"] = "x" * 81
        self.refused(C + "params.subject: its description has 81 characters, at most 80 are allowed")

    def test_tool_entry_too_large(self):
        for i in range(30):
            self.params[f"p{i}"] = {"type": "string", "maxLength": 9, "description": "x" * 60}
        code, said, _ = self.folder.generate()
        self.assertEqual(code, 1)
        self.assertRegex(said, r"^schemas/quests.create.json: its tool entry has \d+ bytes, at most 2000 are")

    def test_parameters_kept_out_of_mcp_do_not_count(self):
        for i in range(30):
            self.params[f"p{i}"] = {"type": "string", "maxLength": 9, "description": "x" * 60, "mcp": False}
        self.assertNotIn("p29", self.accepted()["expect.json"].split('"tool_json"')[1].split('"errors"')[0])

    def test_required_parameter_kept_out_of_mcp(self):
        self.params["subject"]["mcp"] = False
        self.refused(C + "params.subject: mcp: false is for optional parameters")

    def test_secret_result_without_the_boolean_behind_it(self):
        self.create["result"]["properties"] = {"pin": {"type": "string", "maxLength": 9, "secret": True}}
        self.refused(C + "result.pin: is secret: the boolean 'pin_shown' must stand behind it")

    def test_secret_with_a_default(self):
        self.params["pin"] = {"type": "string", "maxLength": 9, "description": "x", "secret": True, "default": "0"}
        self.refused(C + "params.pin: secret: true is for a text of params or of a result, without a default")

    def test_default_list_too_large(self):
        for i in range(30):
            verb = dict(self.get, verb=f"things.get{i:02}", aliases=[], mcp="default")
            verb["params"] = {"type": "object", "required": ["id"], "properties": dict(
                self.get["params"]["properties"],
                **{f"p{n}": {"type": "string", "maxLength": 9, "description": "x" * 60} for n in range(6)})}
            self.folder.files[f"things.get{i:02}.json"] = verb
        code, said, _ = self.folder.generate()
        self.assertEqual(code, 1)
        self.assertRegex(said, r"^schemas: the tools of the default list have \d+ bytes together, at most 24000")

    def test_too_many_fields(self):
        for i in range(60):
            self.params[f"p{i}"] = {"type": "string", "maxLength": 9, "description": "x", "mcp": False}
        self.refused(C + "params: has 66 fields, at most 64 are allowed")


class Keywords(FolderTest):
    def field(self, schema, *problems):
        self.params["x"] = dict(schema, description="x") if isinstance(schema, dict) else schema
        self.refused(*[C + "params.x" + p for p in problems])

    def test_unknown_keyword(self):
        self.field({"type": "string", "maxLength": 9, "pattern": "^a$"},
                   ": 'pattern' is no keyword that is decoded here")

    def test_unbounded_string(self):
        self.field({"type": "string"}, ": a string without maxLength")

    def test_unbounded_string_in_a_list(self):
        self.field({"type": "array", "items": {"type": "string"}, "maxItems": 3},
                   ".items: a string without maxLength")

    def test_unbounded_array(self):
        self.field({"type": "array", "items": {"type": "string", "maxLength": 3}}, ": an array without maxItems")

    def test_unbounded_string_in_a_result(self):
        self.create["result"]["properties"]["next"] = {"type": "string"}
        self.refused(C + "result.next: a string without maxLength")

    def test_unbounded_string_in_a_type(self):
        del self.folder.quest["properties"]["subject"]["maxLength"]
        self.refused(Q + "subject: a string without maxLength")

    def test_unbounded_number(self):
        self.field({"type": "integer", "minimum": 0, "default": 1}, ": a number without maximum")

    def test_unbounded_number_in_a_type_that_is_a_parameter(self):
        del self.folder.repo["properties"]["depth"]["maximum"]
        self.refused(R + "depth: a number without both bounds, and quests.create takes it as a parameter")

    def test_optional_number_without_default(self):
        self.field({"type": "integer", "minimum": 0, "maximum": 3},
                   ": an optional number or boolean needs a default (null: absent is meant)")

    def test_optional_boolean_without_default(self):
        self.field({"type": "boolean"},
                   ": an optional number or boolean needs a default (null: absent is meant)")

    def test_combinator_in_a_field(self):
        self.field({"type": "string", "maxLength": 9, "oneOf": []},
                   ": 'oneOf': combinators are refused, clients cannot use them")

    def test_combinator_at_the_top(self):
        self.create["params"]["anyOf"] = []
        self.refused(C + "params: 'anyOf': a combinator at the top is refused, clients cannot use it")

    def test_combinator_at_the_top_of_a_result(self):
        self.create["result"]["allOf"] = []
        self.refused(C + "result: 'allOf': a combinator at the top is refused, clients cannot use it")

    def test_ref_at_the_top_of_params(self):
        self.create["params"] = {"type": "object", "$ref": "repo", "properties": {}}
        self.create["examples"] = [{"title": "a", "params": {}, "result": {}}]
        self.refused(C + "params: '$ref' at the top is refused, clients cannot use it")

    def test_ref_into_a_document(self):
        self.field({"$ref": "#/$defs/repo"}, ': $ref must name a type of types/, not "#/$defs/repo"')

    def test_ref_to_an_unknown_type(self):
        self.field({"$ref": "rope"}, ": there is no type 'rope' in types/")

    def test_result_of_an_unknown_type(self):
        self.create["result"] = {"$ref": "colour"}
        self.create["examples"][0]["result"] = {}
        self.refused(C + "result: there is no object type 'colour' in types/")

    def test_inline_enum(self):
        self.field({"type": "string", "maxLength": 9, "enum": ["a"]},
                   ": an enum is a type of its own: put it in types/ and refer to it")

    def test_inline_object(self):
        self.field({"type": "object", "properties": {}},
                   ": an object inside another is a type of its own: put it in types/")

    def test_object_of_nothing(self):
        self.field({"type": "object"}, ": an object is a $ref to a type, or raw with maxBytes")

    def test_unbounded_raw(self):
        self.field({"type": "object", "raw": True}, ": a raw value without maxBytes")

    def test_unknown_type_word(self):
        self.field({"type": "float"},
                   ": type must be string, integer, number, boolean, array or object; or a $ref")

    def test_several_types(self):
        self.field({"type": ["string", "null"]},
                   ": type must be string, integer, number, boolean, array or object; or a $ref")

    def test_unknown_format(self):
        self.field({"type": "string", "maxLength": 9, "format": "uri"},
                   ": format must be one of text id name date-time cursor")

    def test_list_of_numbers(self):
        self.field({"type": "array", "items": {"type": "integer"}, "maxItems": 3},
                   ".items: items are strings or a $ref")

    def test_minimum_above_maximum(self):
        self.field({"type": "integer", "minimum": 3, "maximum": 2, "default": None}, ": minimum is above maximum")

    def test_bound_over_64_bits(self):
        self.field({"type": "integer", "minimum": 0, "maximum": 2 ** 63, "default": 1},
                   ": maximum does not fit 64 bits")

    def test_length_that_leaves_nothing(self):
        self.field({"type": "string", "minLength": 5, "maxLength": 4}, ": maxLength leaves no text")

    def test_property_that_is_no_object(self):
        self.params["x"] = "string"
        self.refused(C + "params.x: must be an object")

    def test_required_that_is_no_property(self):
        self.create["params"]["required"] = ["subject", "sbject"]
        self.refused(C + "params: required names 'sbject', which is no property")


class Defaults(FolderTest):
    def test_required_with_default(self):
        self.params["subject"]["default"] = "x"
        self.refused(C + "params.subject: is required and has a default")

    def test_default_out_of_bounds(self):
        self.params["limit"]["default"] = 10
        self.refused(C + "params.limit: the default is wrong: is not within 1 to 9")

    def test_default_of_the_wrong_type(self):
        self.params["limit"]["default"] = True
        self.refused(C + "params.limit: the default is wrong: is no integer")

    def test_default_that_is_no_value_of_the_enum(self):
        self.params["colour"]["default"] = "pink"
        self.refused(C + "params.colour: the default is no value of 'colour'")

    def test_default_of_a_list(self):
        self.params["labels"]["default"] = []
        self.refused(C + "params.labels: only a text, number, boolean or enum may have a default")

    def test_null_default_of_a_text(self):
        self.params["x"] = {"type": "string", "maxLength": 9, "default": None, "description": "x"}
        self.refused(C + "params.x: default null is for numbers and booleans; others may simply be absent")


class Types(FolderTest):
    def test_recursive_type(self):
        self.folder.repo["properties"]["fork"] = {"$ref": "repo"}
        self.refused(R + "is recursive (repo > repo): clients cannot be told without $ref")

    def test_recursive_types(self):
        self.folder.repo["properties"]["quests"] = {"type": "array", "items": {"$ref": "quest"}, "maxItems": 2}
        self.refused(Q + "is recursive (quest > repo > quest): clients cannot be told without $ref")

    def test_field_of_the_type_again(self):
        self.create["result"]["properties"]["id"] = {"type": "string", "format": "id"}
        self.refused(C + "result.id: is a field of 'quest' already")

    def test_bad_enum_value(self):
        self.folder.colour["enum"].append("Dark Red")
        self.refused('schemas/types/colour.json: enum: "Dark Red" is no value: [a-z0-9][a-z0-9_.-]*, at most 40')

    def test_enum_value_twice(self):
        self.folder.colour["enum"].append("red")
        self.refused("schemas/types/colour.json: enum: names one twice")

    def test_type_without_description(self):
        del self.folder.repo["description"]
        self.refused(R + "description: must be a text", R + "description: is missing")


class Errors(FolderTest):
    def test_error_that_is_not_in_the_table(self):
        self.create["errors"]["nope"] = "never"
        self.refused(C + "errors.nope: is not in errors.json")

    def test_error_without_a_sentence(self):
        self.create["errors"]["conflict"] = ""
        self.refused(C + "errors.conflict: must be a text")

    def test_code_used_twice(self):
        self.folder.errors["conflict"]["code"] = -31999
        self.refused("schemas/errors.json: conflict.code: -31999 is the code of 'not_found'")

    def test_code_out_of_the_band(self):
        self.folder.errors["conflict"]["code"] = -1
        self.refused("schemas/errors.json: conflict.code: must be of -31999…-31000, or JSON-RPC's own")

    def test_unknown_exit_code(self):
        self.folder.errors["conflict"]["exit"] = 9
        self.refused("schemas/errors.json: conflict.exit: must be an exit code: 1…7 or 130")

    def test_an_error_of_every_verb_is_missing(self):
        del self.folder.errors["timeout"]
        self.refused("schemas/errors.json: timeout: is missing: every verb may answer it")


class Examples(FolderTest):
    def params_refused(self, params, *problems):
        self.create["examples"][0]["params"] = params
        self.refused(*[C + "examples[0].params: " + p for p in problems])

    def test_missing_parameter(self):
        self.params_refused({}, "subject is missing")

    def test_all_problems_of_an_example(self):
        self.params_refused({"subject": " x", "lmit": 3, "limit": 10, "colour": "pink"},
                            "lmit is unknown", "subject has blanks at an end", "colour is no colour",
                            "limit is not within 1 to 9")

    def test_problem_inside_an_object(self):
        self.params_refused({"subject": "x", "repo": {"depth": 3}}, "repo url is missing")

    def test_too_long(self):
        self.params_refused({"subject": "x" * 101}, "subject has 101 characters, not 1 to 100")

    def test_placeholders_fit_everywhere(self):
        self.create["examples"][1]["params"] = {"subject": "$0.subject", "limit": "$0.labels[1]"}
        self.accepted()

    def test_invalid_params_may_be_invalid(self):
        self.create["examples"].append({"title": "bad", "params": {"nope": 1}, "error": "invalid_params"})
        self.accepted()

    def test_result_that_does_not_fit(self):
        self.create["examples"][0]["result"] = {"id": 3, "sbject": "x"}
        self.refused(C + "examples[0].result: sbject is unknown", C + "examples[0].result: id is no text")

    def test_neither_result_nor_error(self):
        del self.create["examples"][0]["result"]
        self.refused(C + "examples[0]: has either a result or an error")

    def test_error_the_verb_does_not_have(self):
        self.create["examples"][1]["error"] = "cycle"
        self.refused(C + "examples[1].error: 'cycle' is none of this verb's errors")

    def test_given_call_of_no_verb(self):
        self.create["examples"][1]["given"] = [{"verb": "quests.crate", "params": {}}]
        self.refused(C + "examples[1].given[0]: there is no verb 'quests.crate'")

    def test_given_call_that_does_not_fit(self):
        self.create["examples"][1]["given"] = [{"verb": "quests.create", "params": {}}]
        self.refused(C + "examples[1].given[0].params: subject is missing")


if __name__ == "__main__":
    import unittest
    unittest.main()
