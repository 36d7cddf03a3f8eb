"""Sequential group composition: networks that read k elements of a finite group, each as a moved copy of a template, and answer with the copy of their product.

(Sequential Group Composition, arXiv 2602.03655.) Networks learn the template one mode (irreducible representation) at a time, strongest first, so that the
loss goes down a staircase whose levels are known (`lal/groups/staircase.py`).

The run is `kind: composition` (`lal/runs/composition.py`). Its rows and snapshots are told in `metrics/` and `snapshot.py`:

loss        train_loss   mean squared error over entries: of the last batch before its step (online; at step 0 test_loss), or of all training rows (table)
            test_loss    of the evaluated tuples: the test rows of a table; online all tuples where there are at most EVALUATED, else a fixed sample
            reduction    1 - test_loss / first level of theory's staircase: the goal       train_reduction   the same of train_loss (table)
accuracy    test_acc     share of evaluated tuples whose output is nearer to the code of the right element than to others; train_acc (table)
spectrum    mode_power   list, by falling power of the template's modes: mean power of the outputs in each     off_power   in all modes that are not listed
            mode_error   list, in the same order: mean power of (output - target) in each, as a share of the template's; 1 before, 0 after it is learned
            learned_modes  how many of these are learned (`lal.groups.staircase.learned`)
steps       step_loss    list: test loss of the output after 2, ..., k elements (quadratic_rnn, k > 2), trained on or not
neurons     specialisation  median over living units of the largest share of one mode in the power of their column of W_out    dead_units   share in [0, 1]
mixing      mix_share    share of W_mix's energy, among living units, between units of the same dominant mode    mix_chance   expected without structure
norms       weight_norm  of all parameters together; weight_norm/<tensor> of each

Snapshots: see `snapshot.py`.
"""
