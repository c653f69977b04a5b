"""What `make test` takes of the tests; `make test-all` takes all of them but those that are marked `slow`.

This table alone decides between the two: a test that is not named here runs in `make test`, and one that is named
keeps some of its examples there. The others get the mark `minutes`. Tests with the mark `slow` run at night.

`make test` has to end in six minutes on two cores, and in three where everything is compiled already. It keeps an
example of every kind of check, of every level, of every operator and of every verb. What is left out here repeats them
for more shapes, seeds, back ends, boards or faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

import pytest

T = TypeVar("T")

KEPT: dict[str, int | tuple[str, ...]] = {
    # the operator contract: one of the drawn examples that are compiled
    "ops/test_*::test_csim": 1,
    "ops/test_edges.py::test_a_planted_fault_is_found": 3,
    "ops/test_edges.py::test_a_wrong_word_of_a_table_is_found": 1,
    "ops/test_edges.py::test_every_level": 3,
    "ops/test_*::test_native": 1,
    "ops/test_*::test_rtl": 1,
    "ops/test_linear.py::test_heads_that_share_side_by_side": 1,
    "ops/test_unrolled.py::test_an_encoder_takes_a_token_per_cycle": 0,
    "ops/test_unrolled.py::test_exact_on_time_and_clean": 4,
    "ops/test_unrolled.py::test_pipelined_division_and_root": 2,
    # levels beside each other
    "cosim/test_engine.py::test_a_starved_tape_changes_no_result": 1,
    "cosim/test_engine.py::test_tokens_results_and_cycles": 3,
    "cosim/test_engine_faults.py::test_a_wrong_field_is_named": 4,
    "cosim/test_engine_stories.py::test_tokens_logits_and_cycles": 0,
    "cosim/test_engine_random.py::test_logits_and_cycles": 1,
    "cosim/test_backends.py::test_a_board_project_is_exact_behind_its_axi_streams": 0,
    "cosim/test_backends.py::test_every_edge_is_exact": ("Catapult-io_stream", "Quartus-io_parallel"),
    "cosim/test_backends.py::test_every_project_is_complete": 4,
    "cosim/test_backends.py::test_libero_is_exact_on_a_stand_in_for_smarthls": 0,
    "cosim/test_backends.py::test_oneapi_is_exact_on_a_stand_in_for_sycl": 0,
    "cosim/test_backends.py::test_the_widest_edge_that_is_taken_is_exact": 1,
    "cosim/test_several.py::test_integers_cycles_and_pauses": 2,
    "cosim/test_board.py::test_results_are_right_whatever_registers_start_with": 0,
    "cosim/test_compare.py::test_a_wrong_constant_in_csim_is_located": 0,
    "cosim/test_compare.py::test_a_trained_network_is_the_first_level": 0,
    "cosim/test_compare.py::test_a_wrong_constant_in_rtl_is_located": 1,
    "cosim/test_engine_levels.py::test_every_level": 1,
    "cosim/test_firmware.py::test_a_planted_warning_is_found": 1,
    "cosim/test_firmware.py::test_any_folding": 0,
    "cosim/test_firmware.py::test_faults_are_found": 4,
    "cosim/test_firmware.py::test_follows_the_schedule": 2,
    "cosim/test_firmware.py::test_no_warnings": 0,
    "cosim/test_float_import.py::test_every_edge_of_an_imported_model": 0,
    "cosim/test_hls.py::test_distributed_arithmetic": 1,
    "cosim/test_hls.py::test_every_operator": 0,
    "cosim/test_hls.py::test_heads_side_by_side": 0,
    "cosim/test_hls.py::test_other_back_ends": 0,
    "cosim/test_language.py::test_every_edge_of_the_large_one_token_by_token": 0,
    "cosim/test_language_check.py::test_every_level_has_the_logits_of_torch": 0,
    "cosim/test_language.py::test_it_runs_as_causal_dataflow": 0,
    "cosim/test_llama_rtl.py::test_a_whole_network": 0,
    "cosim/test_llama_rtl.py::test_every_recipe": 0,
    "cosim/test_llama_rtl.py::test_operators_of_language_models": 1,
    "cosim/test_netlist.py::test_a_network_equals_its_rtl_and_the_reference": ("ecp5",),
    "cosim/test_netlist.py::test_a_read_of_what_is_being_written_is_found": 0,
    "cosim/test_netlist.py::test_block_rams_of_every_width_with_their_contents": 0,
    "cosim/test_random_blocks.py::test_a_planted_fault_is_found_and_the_line_repeats_it": 0,
    "cosim/test_random_blocks.py::test_csim": 0,
    "cosim/test_random_blocks.py::test_language_models": 0,
    "cosim/test_random_blocks.py::test_native": 1,
    "cosim/test_random_blocks.py::test_rtl": 0,
    "cosim/test_rtl.py::test_a_design_that_hangs_names_who_waits": ("deadlock",),
    "cosim/test_rtl.py::test_a_fault_in_the_exponential_table_is_found": 0,
    "cosim/test_rtl.py::test_a_fault_in_a_weight_is_found": 0,
    "cosim/test_rtl.py::test_buffers_hold_what_was_predicted": 0,
    "cosim/test_rtl.py::test_every_edge_is_exact": ("rms_gelu_causal",),
    "cosim/test_rtl.py::test_random_schedules_are_predicted_to_the_cycle": 1,
    "cosim/test_rtl.py::test_the_largest_of_many_lanes_is_found_level_by_level": 2,
    "cosim/test_rtl.py::test_waves_of_a_design_that_hangs_are_written": 0,
    "cosim/test_rtl.py::test_waves_show_every_unit_at_work_when_it_was_predicted": 1,
    "cosim/test_rtl.py::test_waves_that_cannot_be_written_are_an_error": 0,
    "cosim/test_rtlsim.py::test_files_with_a_batch_and_with_heads_in_it": 1,
    "cosim/test_sparse.py::test_half_the_products_take_half_the_cycles": 0,
    "cosim/test_sparse.py::test_the_solver_takes_what_zeros_save": 0,
    "cosim/test_times.py::test_narrow_products": 2,
    "cosim/test_tokens.py::test_every_kind_of_window_in_c": 1,
    "cosim/test_tokens.py::test_every_kind_of_window_in_rtl": 1,
    "cosim/test_tokens.py::test_imported_models": 0,
    "cosim/test_verilator.py::test_build_runs_and_is_cached_by_content": 0,
    # formal proofs, and the faults that they find
    "formal/test_fifo.py::test_a_planted_fault_is_found": 2,
    "formal/test_fifo.py::test_no_overflow_no_loss_no_reordering": 2,
    "formal/test_framing.py::test_a_fault_is_found": ("crc: a bit short", "uart: bit order", "pack: last kept"),
    "formal/test_framing.py::test_a_unit_keeps_its_contract": ("pack-16-parameters4",),
    # networks and trainings
    "parallel/test_checkpoints.py::test_a_checkpoint_of_another_recipe_is_refused": 0,
    "parallel/test_checkpoints.py::test_a_training_that_changes_its_layout_keeps_its_curve": 0,
    "parallel/test_checkpoints.py::test_what_is_half_written_or_damaged_is_not_loaded": 0,
    "parallel/test_equality.py::test_every_kind_of_network_is_divided_alike": 0,
    "parallel/test_equality.py::test_parallel_training_equals_one_process": ("tensor",),
    "parallel/test_misuse.py::test_every_rank_refuses_with_the_same_line": 0,
    "parallel/test_misuse.py::test_torchrun_ends_with_one_line_of_ours": 0,
    "unit/test_models.py::test_float32_computes_what_float64_computes": 2,
    "unit/test_models.py::test_equal_models_give_equal_files": 0,
    "unit/test_engine_match.py::test_macro_operations_mean_what_the_graph_says": 6,
    "unit/test_engine_size.py::test_every_size_suits": 3,
    "unit/test_engine_match.py::test_what_is_matched_is_right_and_all_else_refused": 4,
    "unit/test_gpt2.py::test_verbs_take_it": 0,
    "unit/test_language_graphs.py::test_all_ways_give_the_same_integers": 1,
    "unit/test_language_graphs.py::test_smollm2_over_64_tokens": 0,
    "unit/test_language_graphs.py::test_stories_in_their_whole_context": 0,
    "unit/test_lm.py::test_closed_streams": 0,
    "unit/test_lm.py::test_every_level_of_a_small_model": 0,
    "unit/test_models.py::test_nothing_is_printed": 0,
    "unit/test_models.py::test_the_evaluated_network_is_the_integer_graph": 2,
    "unit/test_native.py::test_factors_of_groups_are_found_and_exact": 1,
    "unit/test_native.py::test_attention_over_many_keys": 2,
    "unit/test_native.py::test_rows_with_exponents_of_groups_are_exact": 1,
    "unit/test_recorded.py::test_a_recorded_project_has_the_same_sources": 2,
    "unit/test_quantization_recipes.py::test_a_correction_changes_parameters_and_stays_exact": 0,
    "unit/test_quantization_recipes.py::test_a_cost_of_the_callers_own_is_kept": 0,
    "unit/test_quantization_recipes.py::test_a_shared_study_refines_the_choice": 0,
    "unit/test_quantization_recipes.py::test_bits_go_where_the_loss_needs_them": 0,
    "unit/test_quantization_recipes.py::test_corrected_networks_of_all_kinds_are_exact": 1,
    "unit/test_quantization_recipes.py::test_corrections_and_masks_stay_inside_the_accumulator": 0,
    "unit/test_quantization_recipes.py::test_no_sum_is_wider_than_the_accumulator": 1,
    "unit/test_quantization_recipes.py::test_roundings_make_up_for_each_other": 1,
    "unit/test_quantization_recipes.py::test_training_stays_inside_the_accumulator": 0,
    "unit/test_recipes.py::test_a_killed_process_resumes": 0,
    "unit/test_recipes.py::test_a_language_model_learns_a_pattern": 0,
    "unit/test_recipes.py::test_a_shrunk_network_is_exact_and_smaller": 0,
    "unit/test_recipes.py::test_a_teacher_changes_the_training": 0,
    "unit/test_recipes.py::test_an_interrupted_training_goes_on_as_it_would_have": 1,
    "unit/test_recipes.py::test_masks_are_whole_whenever_the_ramp_ends": 0,
    "unit/test_recipes.py::test_mixed_precision_trains_and_exports_exact_integers": 0,
    "unit/test_recipes.py::test_unstructured_zeros_reach_their_share": 0,
    "unit/test_study.py::test_every_recipe_makes_a_model": 0,
    "unit/test_study.py::test_parts_come_together_and_nothing_is_trained_twice": 0,
    "unit/test_study.py::test_rows_say_what_recipes_cost": 0,
    "unit/test_study.py::test_what_fails_does_not_keep_others_from_training": 0,
    # files
    "unit/test_brevitas_float.py::test_blocks": 2,
    "unit/test_brevitas_models.py::test_fused_projections_become_one_dense_each": 3,
    "unit/test_brevitas_models.py::test_gated_feed_forward": 2,
    "unit/test_brevitas_models.py::test_images_cut_by_reshape_and_transpose": 2,
    "unit/test_import_entry.py::test_signs_at_every_level": 0,
    "unit/test_onnx_nodes.py::*": 0,
    "unit/test_rotary_nodes.py::test_a_rotary_embedding_as_one_node": 8,
    "unit/test_vision_blocks.py::test_quantizers_that_dynamo_writes_out_are_refused": 0,
    "unit/test_vision_blocks.py::test_every_operator_is_within_a_step_of_the_file": 2,
    # commands, tools and pages
    "tools/test_vendor.py::test_open_synthesis_reads_the_vivado_project_of_a_decode_engine": 0,
    "tools/test_bitstream.py::test_a_design_that_does_not_fit_says_what_is_short": 0,
    "tools/test_bitstream.py::test_a_missed_clock_is_an_error_and_leaves_only_logs": 0,
    "tools/test_bitstream.py::test_every_other_board_with_open_tools": 0,
    "tools/test_bitstream.py::test_the_synthesized_netlist_answers_as_the_sources_do": 0,
    "tools/test_documented_commands.py::test_all_commands_of_a_page_run": 0,
    "tools/test_documented_commands.py::test_commands_of_a_page_run": ("concepts.md", "index.md"),
    "tools/test_hls_build.py::TestCommand::test_every_target_is_written": 3,
    "tools/test_hls_build.py::test_a_co_simulation_that_went_wrong_is_said": 0,
    "tools/test_hls_build.py::test_rtl_results_are_a_level": 0,
    "tools/test_hls_build.py::test_what_goes_wrong_is_said": 7,
    "tools/test_report.py::*": 0,
    "tools/test_site.py::*": 0,
    "unit/test_checkpoints.py::test_smollm2_predicts_text_as_well_as_measured": 0,
    "unit/test_checkpoints.py::test_the_page_of_language_models_runs": 0,
    "unit/test_cli.py::test_the_report_estimates_what_a_board_needs": 0,
    "unit/test_cli_demo.py::test_an_interrupted_command_leaves_nothing": 1,
    "unit/test_cli_demo.py::test_demo_writes_a_complete_report": 0,
    "unit/test_cli_faults.py::test_a_locale_without_utf8": 1,
    "unit/test_cost.py::test_a_unit_synthesized_now": 1,
    "unit/test_decoding.py::test_compiled_random_causal_graphs": 1,
    "unit/test_decoding.py::test_more_random_graphs": 0,
    "unit/test_docs.py::test_pages_load_nothing_from_the_network": 0,
    "unit/test_hostile_commands.py::test_a_subset_is_refused_clearly_or_harmless": 0,
    "unit/test_hostile_commands.py::test_what_a_refused_file_must_not_do_is_noticed": 2,
    "unit/test_lm.py::test_a_damaged_model_is_one_line": 5,
    "unit/test_lm.py::test_a_model_takes_a_third_more_memory_than_its_file": 0,
    "unit/test_lower.py::test_a_board_sets_both": 6,
    "unit/test_tokenizers.py::test_a_template_that_never_ends": 0,
}
"""Test below tests/, `*` for anything → how many of its examples `make test` takes, evenly spread, or their names.

0 leaves the whole test to `make test-all`.
"""


LONGEST = (
    "notebooks/*",
    "tests/tools/test_documented_commands.py::test_all_commands_of_a_page_run*",
    "tests/tools/test_bitstream.py*",
)
"""What takes longest: at the end of a run the other processes would wait for it.

Processes take tests from the end of each other's lists, so that a module at the front makes its fixtures only once.
"""


def longest_first(items: list[pytest.Item]) -> None:
    """Bring LONGEST to the front."""
    items.sort(key=lambda item: not any(fnmatchcase(item.nodeid, pattern) for pattern in LONGEST))


def assign(items: list[pytest.Item]) -> None:
    """Give the mark `minutes` to the examples that KEPT leaves to `make test-all`."""
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        if not item.get_closest_marker("slow"):
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for pattern, kept in KEPT.items():
        for test, examples in tests.items():
            if fnmatchcase(test, f"*tests/{pattern}"):
                _keep(examples, kept)


def _keep(examples: list[pytest.Item], kept: int | tuple[str, ...]) -> None:
    """Mark all but `kept` examples of one test. Raises UsageError when it has no example of that name."""
    chosen = spread(examples, kept) if isinstance(kept, int) else [item for item in examples if _name(item) in kept]
    if kept and not chosen and len(examples) > 1:  # a single one was asked for by its name
        raise pytest.UsageError(f"tests/tiers.py names examples that {examples[0].nodeid} and others are not: {kept}")
    for item in examples:
        if item not in chosen:
            item.add_marker(pytest.mark.minutes)


def _name(item: pytest.Item) -> str:
    """What stands in brackets."""
    return item.nodeid.partition("[")[2].removesuffix("]")


def spread(examples: Sequence[T], count: int) -> list[T]:
    """`count` examples, evenly spread from the first one on."""
    count = min(count, len(examples))
    return [examples[len(examples) * place // count] for place in range(count)]
