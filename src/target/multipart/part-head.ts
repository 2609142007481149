import { isUtf8 } from "node:buffer";
import { MultipartFault } from "./multipart-fault.ts";

/** A part's headers, in the one spelling that is taken. */
export interface PartHead {
  readonly name: string;
  /** It has a file name: receivers take it for a file. */
  readonly isFile: boolean;
}

const parameter =
  /;[ \t]*(?:(name|filename)=(?:"([^"\\]*)"|([A-Za-z0-9_.[\]-]+))|(filename\*)=utf-8''[A-Za-z0-9%._~!$&+-]*)(?=;|$)/giy;
const fieldName = /^[a-z0-9_]{1,64}(?:\[[a-z0-9_]{0,64}\]){0,4}$/;
const textType = /^(?:text\/plain|application\/json)(?:[ \t]*;[ \t]*charset="?(?:utf-8|us-ascii)"?)?$/i;
const fileType =
  /^(?!multipart\/|message\/)[a-z0-9.+-]{1,64}\/[a-z0-9.+-]{1,128}(?:[ \t]*;[ \t]*[a-z0-9-]+=(?:[a-z0-9._-]+|"[a-z0-9._ -]*"))*$/i;

/**
 * Reads the bytes between a delimiter and the empty line. Of the headers that RFC 7578 4 knows, the two that say what a
 * part is; what is spelt in a second way (escapes, `name*`, folding, an encoding) is refused: receivers differ there.
 * @throws MultipartFault
 */
export function readPartHead(bytes: Buffer): PartHead {
  if (!isUtf8(bytes)) throw new MultipartFault("a part's headers are not valid UTF-8");
  let disposition: PartHead | undefined;
  let type: string | undefined;
  for (const line of bytes.toString("utf8").split("\r\n")) {
    const [, name = "", value = ""] = /^([A-Za-z-]+):[ \t]*([^\p{Cc}]*)$/u.exec(line) ?? [];
    switch (name.toLowerCase()) {
      case "content-disposition":
        if (disposition !== undefined) throw new MultipartFault("a part has two headers content-disposition");
        disposition = readDisposition(value);
        break;
      case "content-type":
        if (type !== undefined) throw new MultipartFault("a part has two headers content-type");
        type = value;
        break;
      default:
        throw new MultipartFault(
          "a part may have the headers content-disposition and content-type, each in one line, and no others",
        );
    }
  }
  if (disposition === undefined) throw new MultipartFault("a part has no content-disposition");
  if (type !== undefined && !(disposition.isFile ? fileType : textType).test(type))
    throw new MultipartFault(`the part "${disposition.name}" has a content-type that is not accepted`);
  return disposition;
}

function readDisposition(value: string): PartHead {
  const broken = () =>
    new MultipartFault('a part\'s content-disposition must be form-data with a plain "name"');
  if (!/^form-data(?=;)/i.test(value)) throw broken();
  const found = new Map<string, string>();
  parameter.lastIndex = "form-data".length;
  while (parameter.lastIndex < value.length) {
    const match = parameter.exec(value);
    if (match === null) throw broken();
    const key = (match[1] ?? match[4] ?? "").toLowerCase();
    if (found.has(key)) throw new MultipartFault(`a part's content-disposition has "${key}" twice`);
    found.set(key, match[2] ?? match[3] ?? "");
  }
  const name = found.get("name");
  if (name === undefined || !fieldName.test(name)) throw broken();
  // Who reads only one of the two spellings must find a file name all the same.
  if (found.has("filename*") && !found.has("filename")) throw broken();
  return { name, isFile: found.has("filename") };
}
