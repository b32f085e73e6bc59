// The lists of problems of lists that were sent from this browser: row, column,
// reason and mend, never a value. They are kept here, since the room has none.
import { names, remove, reportsDir, write } from './place'

const nameOf = (id: string) => `${id}.csv`

export const writeProblems = async (id: string, csv: Blob) => write(await reportsDir(), nameOf(id), csv)
export const removeProblems = async (id: string) => remove(await reportsDir(), nameOf(id))

export async function problemsOf(id: string): Promise<File | undefined> {
  const dir = await reportsDir()
  if (!(await names(dir)).includes(nameOf(id))) return undefined
  return (await dir.getFileHandle(nameOf(id))).getFile()
}
