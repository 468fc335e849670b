/* programs/model_command.h -- `wattsim model`: what a model is made of, what it weighs, how much of it fits.
 */
#ifndef WS_MODEL_COMMAND_H
#define WS_MODEL_COMMAND_H

/** Runs the command; argv[0] is "model". Returns the exit code of the process. */
int ws_model_command(int argc, char **argv);

#endif /* WS_MODEL_COMMAND_H */
