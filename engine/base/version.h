/* base/version.h -- which program this is; written into every result. */
#ifndef WS_VERSION_H
#define WS_VERSION_H

const char *ws_version(void);    /**< "0.1.0" */
const char *ws_git_commit(void); /**< commit the build was configured at, "" if unknown */

#endif /* WS_VERSION_H */
